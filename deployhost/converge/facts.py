"""What converging compares, as values: what was seen of the server and of each app at one moment. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from deployhost.containers import belongs
from deployhost.kamal.contract import NETWORK, Route
from deployhost.model import WEB, AppName, Deploy, Drain, Hold, ProcessName, Release
from deployhost.steps import Finding


@dataclass(frozen=True)
class AppContainer:
    """One container of an app: one of its processes, or one that runs a release command."""

    id: str
    name: str
    image_id: str
    status: str
    labels: Mapping[str, str]
    ips: Mapping[str, str]  # its addresses by network, while it runs

    @property
    def role(self) -> ProcessName | None:
        """Return its process, None for a release command."""
        return belongs.process_of(self)

    @property
    def deploy(self) -> int | None:
        """Return the deploy that made it, None for one that Kamal made."""
        return belongs.deploy_of(self)

    @property
    def runs(self) -> bool:
        """Return whether it runs, or the engine itself is at work on it: starting it again, or removing it."""
        return self.status in ("running", "restarting", "removing")

    @property
    def frozen(self) -> bool:
        """Return whether somebody froze it (`docker pause`): it has its memory and its connections, and does nothing."""
        return self.status == "paused"

    @property
    def ended(self) -> bool:
        """Return whether it has ended, or was never started."""
        return not self.runs and not self.frozen

    @property
    def unplugged(self) -> bool:
        """Return whether it runs, but not on Kamal's network any more. Kamal's own may be on another one instead."""
        ought = self.deploy is not None or not self.ips
        return ought and self.status == "running" and NETWORK not in self.ips

    def is_of(self, deploy: Deploy) -> bool:
        """Return whether this is a deploy's container: by the label, or for one that Kamal made by the name.

        Versions are never used twice, numbers may be once a journal was lost: so the version counts in both cases.
        """
        fits = deploy.version is not None and self.name.endswith(f"-{deploy.version}")
        return fits and belongs.is_of(self, deploy.app, deploy=deploy.id, version=deploy.version)


@dataclass(frozen=True, kw_only=True)
class MachineFacts:
    """What concerns all apps.

    `proxy` is the status of kamal-proxy's container, None if there is none; `youngest_lock` is the age in seconds of the
    youngest lock under which somebody's Kamal may run.
    """

    proxy: str | None
    youngest_lock: float
    highest_label: int  # the highest deploy number that a container carries
    highest_number: int  # the highest one that the journal has given
    proxy_connected: bool = True  # whether that container is on Kamal's network
    network: bool = True  # whether that network is there
    observed: tuple[Finding, ...] = ()  # what is wrong with the machine itself: no step depends on it


@dataclass(frozen=True, kw_only=True)
class AppFacts:
    """One app. `at` is when, in unix seconds; collections are as they were seen, newest container first."""

    app: AppName
    at: float
    hosts: frozenset[str] | None  # as apps.yml has them; None: it does not have the app, or can't be read
    direct: bool = False  # whether apps.yml was read, and has it deployed by our own engine
    removed: bool  # whether apps.yml was read, and does not have it
    known: bool  # whether the journal has any deploy of it
    live: Release | None
    releases: tuple[Release, ...] = ()
    open: tuple[Deploy, ...] = ()
    broken_off: frozenset[int] = frozenset()  # those of `open` that run, and that nobody works on
    recent: tuple[Deploy, ...] = ()
    drains: tuple[Drain, ...] = ()
    hold: Hold | None = None
    route: Route | None = None
    route_is_foreign: bool = False  # whether it leads to a container that is none of the app's
    containers: tuple[AppContainer, ...] = ()
    by_hand: frozenset[str] = frozenset()  # those of the live release that a person stopped
    engine_failed: frozenset[str] = frozenset()  # those of the live release that the engine lost or could not start
    routed_deploy: Deploy | None = None  # the deploy that the routed container's label names
    routed_tags: tuple[str, ...] = ()  # the tags of the routed container's image
    versions: Collection[str] = ()  # versions that its deploys have used
    since_live: tuple[Deploy, ...] = ()  # where a container of the live release is gone: its deploy and the later ones

    @property
    def routed(self) -> AppContainer | None:
        """Return the app's container that the route leads to."""
        route = self.route
        return None if route is None else next((one for one in self.containers if route.leads_to(one.id)), None)

    @property
    def routed_port(self) -> int:
        """Return the port that the route leads to, 0 if there is none."""
        return 0 if self.route is None else self.route.port or 0

    @property
    def live_web(self) -> AppContainer | None:
        """Return the web container of the live release."""
        live = self.live
        return None if live is None else next((one for one in self.containers if one.id == live.container), None)

    @property
    def live_containers(self) -> tuple[AppContainer, ...]:
        """Return the containers of the live release, the web one first."""
        return () if self.live is None else tuple(belongs.of_release(self.containers, self.live))

    @property
    def lost(self) -> tuple[str, ...]:
        """Return the processes of the live release that have no container any more: the web process alone if that one is gone."""
        web = self.live_web
        if web is None:
            return (WEB,) if self.live is not None else ()
        roles = {one.role for one in self.live_containers}
        return tuple(name for name in belongs.workers_of(web) if name not in roles)
