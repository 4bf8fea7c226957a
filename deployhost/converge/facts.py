"""What converging looks at, as values: what was seen of the server and of each app at one moment. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from deployhost.kamal.contract import Route
from deployhost.model import WEB, AppName, Deploy, Drain, Hold, Release


@dataclass(frozen=True)
class Seen:
    """One container of an app: its role (None: a release command's) and the deploy that its label names (None: not ours)."""

    id: str
    name: str
    role: str | None
    deploy: int | None
    status: str
    image: str  # the image's id
    connected: bool = True  # whether it is on Kamal's network; said only of what runs
    workers: tuple[str, ...] = ()  # on a web container of ours: the workers that were made with it
    alone: bool = False  # whether it is on no network at all; said only of what runs

    def is_target_of(self, route: Route) -> bool:
        """Given a route, return whether it leads here."""
        return route.target.startswith(f"{self.id[:12]}:")

    def is_of(self, deploy: Deploy) -> bool:
        """Given a deploy, return whether this is its container: by the label, or for Kamal's own by the name.

        Versions are never used twice, numbers may be once a journal was lost: so the version counts in both cases.
        """
        fits = deploy.version is not None and self.name.endswith(f"-{deploy.version}")
        return fits and self.deploy in (deploy.id, None)


@dataclass(frozen=True, kw_only=True)
class SeenRepository:
    """A repository that bears the name of an app. `owned` is whether the journal knows that app, or is at removing it."""

    app: AppName
    path: str
    listed: bool  # in apps.yml, which could be read
    owned: bool
    empty: bool  # it holds neither a ref nor an object
    busy: bool = False  # somebody is at work in it: a push that has begun may have written nothing yet


@dataclass(frozen=True, kw_only=True)
class ServerFacts:
    """The proxy's container (its status, None: there is none), and how old the youngest lock is under which a Kamal may run, in seconds.

    `network` is whether Kamal's network is there, `proxy_connected` whether that container is on it.
    `highest_label` is the highest deploy number that a container carries, `highest_number` the highest the journal has given.
    """

    proxy: str | None
    youngest_lock: float
    highest_label: int
    highest_number: int
    proxy_connected: bool = True
    network: bool = True


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
    containers: tuple[Seen, ...] = ()
    by_hand: frozenset[str] = frozenset()  # those of the live release that a person stopped
    engine_failed: frozenset[str] = frozenset()  # those of the live release that the engine lost or could not start
    routed_deploy: Deploy | None = None  # the deploy that the routed container's label names
    routed_tags: tuple[str, ...] = ()  # the tags of the routed container's image
    versions: Collection[str] = ()  # versions that its deploys have used
    since_live: tuple[Deploy, ...] = ()  # where a container of the live release is gone: its deploy and the later ones

    @property
    def routed(self) -> Seen | None:
        """Return the app's container that the route leads to."""
        route = self.route
        return None if route is None else next((one for one in self.containers if one.is_target_of(route)), None)

    @property
    def routed_port(self) -> int:
        """Return the port that the route leads to, 0 if there is none."""
        port = "" if self.route is None else self.route.target.rpartition(":")[2]
        return int(port) if port.isdigit() else 0

    @property
    def live_container(self) -> Seen | None:
        """Return the container of the live release."""
        live = self.live
        return None if live is None else next((one for one in self.containers if one.id == live.container), None)

    @property
    def crew(self) -> tuple[Seen, ...]:
        """Return the containers of the live release, those of its workers too: made by one deploy, or of one version."""
        web, live = self.live_container, self.live
        if live is None:
            return ()
        number = live.deploy if web is None else web.deploy
        if number is not None:
            same = [one for one in self.containers if one.deploy == number and one.role is not None]
        else:
            same = [one for one in self.containers if one.name == f"{self.app}-{one.role}-{live.version}"]
        first = [] if web is None else [web]
        return tuple({one.id: one for one in (*first, *same)}.values())

    @property
    def lost(self) -> tuple[str, ...]:
        """Return the processes of the live release that have no container any more, the web process alone where that one is gone."""
        web = self.live_container
        if web is None:
            return (WEB,) if self.live is not None else ()
        roles = {one.role for one in self.crew}
        return tuple(name for name in web.workers if name not in roles)
