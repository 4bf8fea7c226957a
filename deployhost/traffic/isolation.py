"""Apps can't reach each other, unless `may_reach` says so: the packet filter kept as `isolation_plan` wants it."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from deployhost.config.reachable import Reachable
from deployhost.containers.belongs import app_of
from deployhost.errors import DeployhostError
from deployhost.kamal import contract
from deployhost.model import AppName
from deployhost.system.bridge import Bridges
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Listed, Network
from deployhost.system.firewall import Family, Firewall
from deployhost.traffic import isolation_plan
from deployhost.traffic.isolation_plan import Member, Wanted

log = logging.getLogger(__name__)

ASKED_AGAIN = "apps could reach each other: the packet filter's FORWARD did not ask DOCKER-USER first; it does again"
MayReach = Callable[[], Mapping[AppName, tuple[Reachable, ...] | None]]  # None: that app's own settings can't be read


@dataclass
class Isolation:
    """Keeps apps apart; `may_reach` returns whom each app may reach, as apps.yml has it now.

    `problem` is why apps can reach each other though they should not, or an empty string.
    """

    docker: Docker
    firewall: Firewall
    bridges: Bridges
    may_reach: MayReach
    network: str = contract.NETWORK
    proxy: str = contract.PROXY_CONTAINER
    chain: str = isolation_plan.CHAIN
    active: bool = True
    problem: str = field(default="", init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _known: dict[AppName, tuple[AppName, ...]] = field(default_factory=dict, init=False)
    _took_part: frozenset[AppName] = field(default=frozenset(), init=False)
    _seen: str = field(default=contract.PROXY_MAC, init=False)
    _applied: Wanted | None = field(default=None, init=False)
    _mended: bool = field(default=False, init=False)

    def keep(self) -> tuple[str, ...]:
        """As `apply`; return what a person should know of it: that apps could reach each other until now."""
        self.apply()
        with self._lock:
            mended, self._mended = self._mended, False
            return (ASKED_AGAIN,) if mended else ()

    def follow(self) -> bool:
        """As `apply`, where something else is wanted than the last time: another container, another port, another setting.

        What others do to the rules is not looked at: that takes a program of its own, and this is for every few seconds.
        """
        return self.apply(anew=False)

    def apply(self, *, anew: bool = True) -> bool:
        """Have the rules be as they should be now; return whether something was changed.

        Never raises for the packet filter: what is wrong with that is told by `problem` and the log, once, and apps go on
        serving. Unless `anew`, what is wanted already is not looked at. Raise DockerUnavailable.
        """
        with self._lock:
            network = self.docker.network(self.network) if self.active else None
            if network is None:
                return False
            wanted = self._wanted(network)
            if wanted == self._applied and not anew:
                return False
            self._applied = None
            # The proxy's MAC address is its own, so that it is known by it after a restart.
            self.bridges.expire_neighbours_soon(network.bridge)
            try:
                changed = self._apply(wanted, Family.IPV4)
                if network.ipv6:
                    changed |= self._apply(wanted, Family.IPV6)
            except DeployhostError as error:
                self._tell(f"apps can reach each other: {error}")
                return False
            self._applied = wanted
            self._tell("")
            return changed

    def joined(self, app: AppName) -> None:
        """Let an app that has a container more, or one that is ready now, reach and be reached as it should at once."""
        if not self.active:
            return
        taking_part = isolation_plan.taking_part(self._read())
        # … and one that takes no part any more loses what it had.
        if app in taking_part | self._took_part or _is_several(self.docker.listed({"service": app}, running_only=True)):
            self.apply()

    def _apply(self, wanted: Wanted, family: Family) -> bool:
        filtered = self.bridges.filter(wanted.bridge, family)
        rules = self.firewall.rules(family)
        if change := isolation_plan.change(wanted, rules, v6=family is Family.IPV6):
            self.firewall.restore(family, change)
        if isolation_plan.passed_by(wanted, rules):
            self._mended = True
            log.warning("%s", ASKED_AGAIN)
        return bool(change) or filtered

    def _wanted(self, network: Network) -> Wanted:
        may_reach = self._read()
        self._took_part = isolation_plan.taking_part(may_reach)
        running = [one for one in self.docker.listed({}, running_only=True) if network.name in one.ips]
        proxy = self.docker.find(self.proxy)
        listed = _that_matter(running, self._took_part)
        containers = [found for one in listed if (found := self.docker.find(one.id)) and found.running]
        ports = self.bridges.ports(network.bridge, [one.pid for one in containers])
        # One that somebody else made has whatever address the engine gave it, and mostly has it again when it is restarted.
        self._seen = (proxy.macs.get(network.name) if proxy else "") or self._seen
        return Wanted(
            bridge=network.bridge,
            proxy=tuple(dict.fromkeys((contract.PROXY_MAC, self._seen))),
            chain=self.chain,
            members=tuple(
                Member(AppName(one.labels["service"]), ports[one.pid], ready=one.restart == contract.RESTART)
                for one in containers
                if one.pid in ports
            ),
            may_reach=tuple((app, other) for app, others in may_reach.items() for other in others),
        )

    def _read(self) -> Mapping[AppName, tuple[AppName, ...]]:
        try:
            found = self.may_reach().items()
            self._known = {
                app: self._known.get(app, ()) if all_of_it is None else _apps(all_of_it) for app, all_of_it in found
            }
        except DeployhostError as error:
            # apps.yml may be broken for as long as its owner needs: what was allowed last stays so.
            log.debug("who may reach whom stays as it was: %s", error)
        return self._known

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem


def _that_matter(running: list[Listed], taking_part: frozenset[AppName]) -> list[Listed]:
    """Return the containers of apps that take part, and of those that have several processes, which may reach each other."""
    apps: dict[AppName, list[Listed]] = {}
    for one in running:
        if app := app_of(one):  # else it is none of ours
            apps.setdefault(app, []).append(one)
    return [one for app, its in apps.items() if app in taking_part or _is_several(its) for one in its]


def _apps(reached: Iterable[Reachable]) -> tuple[AppName, ...]:
    return tuple(one for one in reached if isinstance(one, AppName))


def _is_several(containers: Iterable[Listed]) -> bool:
    """Return whether containers of an app run several processes."""
    return len({one.labels.get("role", "") for one in containers}) > 1
