"""Apps can't reach each other, unless `may_reach` says so: the packet filter kept as `isolation_plan` wants it."""

import logging
import threading
from collections.abc import Callable, Mapping

from deployhost.errors import DeployhostError, InvalidName
from deployhost.kamal import contract
from deployhost.model import AppName
from deployhost.system.bridge import Bridges
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, Listed, Network
from deployhost.system.firewall import Family, Firewall
from deployhost.traffic import isolation_plan
from deployhost.traffic.isolation_plan import Member, Wanted

log = logging.getLogger(__name__)

ASKED_AGAIN = "apps could reach each other: the packet filter's FORWARD did not ask DOCKER-USER first; it does again"
MayReach = Callable[[], Mapping[AppName, tuple[AppName, ...] | None]]  # None: that app's own settings can't be read


class Isolation:
    """Keeps apps apart; `may_reach` returns whom each app may reach, as apps.yml has it now."""

    def __init__(
        self,
        docker: Docker,
        firewall: Firewall,
        bridges: Bridges,
        may_reach: MayReach,
        *,
        network: str = contract.NETWORK,
        proxy: str = contract.PROXY_CONTAINER,
        chain: str = isolation_plan.CHAIN,
        active: bool = True,
    ) -> None:
        self._docker, self._firewall, self._bridges = docker, firewall, bridges
        self._may_reach = may_reach
        self._network, self._proxy, self._chain = network, proxy, chain
        self._active = active
        self._lock = threading.Lock()
        self._known: dict[AppName, tuple[AppName, ...]] = {}
        self._took_part: frozenset[AppName] = frozenset()
        self._seen = contract.PROXY_MAC
        self._applied: Wanted | None = None
        self._problem = ""
        self._mended = False

    @property
    def problem(self) -> str:
        """Return why apps can reach each other though they should not, or an empty string."""
        return self._problem

    def apply(self) -> bool:
        """Have the rules be as they should be now; return whether something was changed.

        Never raises for the packet filter: what is wrong with that is told by `problem` and the log, once, and apps go on
        serving. Raise DockerUnavailable.
        """
        return self._apply_all(anew=True)

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
        return self._apply_all(anew=False)

    def _apply_all(self, *, anew: bool) -> bool:
        with self._lock:
            network = self._docker.network(self._network) if self._active else None
            if network is None:
                return False
            wanted = self._wanted(network)
            if wanted == self._applied and not anew:
                return False
            self._applied = None
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
        if not self._active:
            return
        taking_part = isolation_plan.taking_part(self._read())
        # … and one that takes no part any more loses what it had.
        if app in taking_part | self._took_part or len(self._roles(app)) > 1:
            self.apply()

    def _roles(self, app: AppName) -> set[str]:
        return {one.labels.get("role", "") for one in self._docker.listed({"service": app}, running_only=True)}

    def _apply(self, wanted: Wanted, family: Family) -> bool:
        filtered = self._bridges.filter(wanted.bridge, family)
        rules = self._firewall.rules(family)
        change = isolation_plan.change(wanted, rules, v6=family is Family.IPV6)
        if change:
            self._firewall.restore(family, change)
        if isolation_plan.passed_by(wanted, rules):
            self._mended = True
            log.warning("%s", ASKED_AGAIN)
        return bool(change) or filtered

    def _wanted(self, network: Network) -> Wanted:
        may_reach = self._read()
        self._took_part = isolation_plan.taking_part(may_reach)
        running = [one for one in self._docker.listed({}, running_only=True) if network.name in one.ips]
        proxy = self._docker.find(self._proxy)
        containers = [found for one in _that_matter(running, self._took_part) if (found := self._find(one))]
        ports = self._bridges.ports(network.bridge, [one.pid for one in containers])
        return Wanted(
            bridge=network.bridge,
            proxy=self._addresses(proxy, network),
            chain=self._chain,
            members=tuple(
                Member(AppName(one.labels["service"]), ports[one.pid], ready=one.restart == contract.RESTART)
                for one in containers
                if one.pid in ports
            ),
            may_reach=tuple((app, other) for app, others in may_reach.items() for other in others),
        )

    def _addresses(self, proxy: Container | None, network: Network) -> tuple[str, ...]:
        # One that somebody else made has whatever address the engine gave it, and mostly has it again when it is restarted.
        self._seen = (proxy.macs.get(network.name) if proxy else "") or self._seen
        return tuple(dict.fromkeys((contract.PROXY_MAC, self._seen)))

    def _find(self, one: Listed) -> Container | None:
        found = self._docker.find(one.id)
        return found if found is not None and found.running else None

    def _read(self) -> Mapping[AppName, tuple[AppName, ...]]:
        try:
            found = self._may_reach().items()
            self._known = {app: self._known.get(app, ()) if others is None else others for app, others in found}
        except DeployhostError as error:
            # apps.yml may be broken for as long as its owner needs: what was allowed last stays so.
            log.debug("who may reach whom stays as it was: %s", error)
        return self._known

    def _tell(self, problem: str) -> None:
        if problem and problem != self._problem:
            log.warning("%s", problem)
        self._problem = problem


def remove(firewall: Firewall, chain: str = isolation_plan.CHAIN) -> None:
    """Take the rules away, as far as there is a packet filter at all."""
    for family in Family:
        try:
            change = isolation_plan.removal(firewall.rules(family), chain)
            if change:
                firewall.restore(family, change)
        except DeployhostError as error:
            log.debug("no rules to take away: %s", error)


def _that_matter(running: list[Listed], taking_part: frozenset[AppName]) -> list[Listed]:
    """Return the containers of apps that take part, and of those that have several processes, which may reach each other."""
    apps: dict[AppName, list[Listed]] = {}
    for one in running:
        try:
            apps.setdefault(AppName(one.labels.get("service", "")), []).append(one)
        except InvalidName:
            continue  # none of ours
    several = {app for app, its in apps.items() if len({one.labels.get("role", "") for one in its}) > 1}
    return [one for app, its in apps.items() if app in taking_part or app in several for one in its]
