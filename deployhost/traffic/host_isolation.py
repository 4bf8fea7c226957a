"""Apps and builds can't reach the server they run on, unless `may_reach` says so: the packet filter kept as `host_plan` wants it."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from deployhost.config.reachable import HostDoor
from deployhost.errors import CommandFailed, DeployhostError, DockerUnavailable
from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.system import early_rules, files, filter_rules
from deployhost.system.bridge import Bridges
from deployhost.system.firewall import Family, Firewall, Table
from deployhost.traffic import host_doors_plan, host_plan
from deployhost.traffic.host_doors_plan import Doors
from deployhost.traffic.host_facts import HostReader
from deployhost.traffic.host_plan import HostWanted
from deployhost.traffic.host_refusals import HostRefusals

log = logging.getLogger(__name__)

# Seconds after the last build for which the rules about builds stay. Changing them takes tens of milliseconds and a lock that the
# engine waits for when it starts a container, as it does right after a build; and often another build follows.
LET_GO = 5.0
LOOK = 0.05  # seconds between looks for containers that appear beside a build
CLAIMED = (0.0, 0.1, 0.3, 1.0)  # seconds after which the engine is asked whose a new port is


@dataclass
class HostIsolation:
    """Keeps containers of apps, and builds while there are any, away from the host.

    `problem` is why apps can reach the host though they should not, or an empty string; `let_go` the seconds after the last build
    for which the rules about builds stay. The rules are noted for boot, where containers run before the daemon does.
    """

    firewall: Firewall
    bridges: Bridges
    host_reader: HostReader
    host_refusals: HostRefusals
    paths: Paths
    active: bool = True
    let_go: float = LET_GO
    problem: str = field(default="", init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False)
    _applied: tuple[HostWanted | Doors, ...] = field(default=(), init=False)
    _builds_lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _building: list[AppName] = field(default_factory=list, init=False)
    _built_at: float = field(default=0.0, init=False)
    _away: "Future[None] | None" = field(default=None, init=False)  # done once builds are kept away
    _parents: dict[Family, str] = field(
        default_factory=dict, init=False
    )  # which chain asks ours of what passes through
    _tells: bool = field(default=True, init=False)
    _noted: str = field(default="", init=False)

    def keep(self) -> tuple[str, ...]:
        """Have the rules be as they should be, whatever others did to them. Raise DockerUnavailable."""
        self._tells = True  # what failed the last time may have been something else
        self.apply()
        return ()

    def follow(self) -> bool:
        """As `keep`, where something else is wanted than the last time; what others do to the rules is not looked at."""
        return self.apply(anew=False)

    def joined(self, app: AppName) -> None:
        """Let an app that has a container more reach at once what it may reach of the host."""
        if self.active and self.host_reader.may_reach().get(app):
            self.apply(anew=False)

    def apply(self, *, anew: bool = True) -> bool:
        """Have the rules be as they should be now; return whether something was changed.

        Never raises for the packet filter: what is wrong with that is told by `problem` and the log, and apps go on serving.
        Unless `anew`, what is wanted already is not looked at. Raise DockerUnavailable.
        """
        if not self.active:
            return False
        with self._lock:
            try:
                changed, shut = self._bring(anew)
            except OSError as error:
                self._tell(f"apps can reach this server itself: {error.strerror or error}")
                return False
            except CommandFailed as error:
                if not self._tells:
                    self._tell(f"apps can reach this server itself: {error}")
                    return False
                self._tells = False  # a kernel without netfilter's log: apps are kept away all the same
                return self.apply()
            except DockerUnavailable:
                raise
            except DeployhostError as error:
                self._tell(f"apps can reach this server itself: {error}")
                return False
            self._tell(shut)
        self.host_refusals.listen(self._is_allowed, self._builders)
        return changed

    def _bring(self, anew: bool) -> tuple[bool, str]:
        """Return whether something was changed, and why what apps.yml opens of the host stays shut, or ""."""
        read = self.host_reader.read(building=self._away is not None)
        wanted = tuple(replace(one, tells=self._tells) if isinstance(one, HostWanted) else one for one in read)
        before, self._applied = self._applied, ()
        changed, shut, done = False, "", []
        for one in wanted:
            try:
                changed |= self._apply(one, before) if anew or one not in before else False
                done.append(one)
            except (DeployhostError, OSError) as error:
                if isinstance(one, HostWanted):
                    raise
                # All are kept away then, whoever they are: that is no reason not to keep apps away.
                shut = f"nothing of this server can be opened to single containers: {error}"
        self._applied = tuple(done)
        self._note_for_boot(anew)
        return changed, shut

    def _note_for_boot(self, anew: bool) -> None:
        """Have boot begin with these rules: containers run before the daemon does. Unless `anew`, what is noted is not looked at."""
        chain = self.host_reader.chains[0]
        apps = [one for one in self._applied if isinstance(one, HostWanted) and one.chain == chain]
        families = [(Family.IPV6 if one.v6 else Family.IPV4, one) for one in apps]
        rules = {one: host_plan.early(wanted, self._parents[one]) for one, wanted in families if one in self._parents}
        text = early_rules.as_text(chain, rules)
        if not rules or (text == self._noted and not anew):
            return
        self._noted = text
        try:
            if files.read_text(self.paths.early_rules) != text:
                files.write_atomically(self.paths.early_rules, text.encode(), mode=0o600)
        except DeployhostError as error:
            log.warning("at the next boot apps can reach this server until the daemon runs: %s", error)

    @contextlib.contextmanager
    def building(self, app: AppName) -> Iterator[Callable[[], None]]:
        """Keep builds away from the host until the block ends and for `let_go` seconds more; what it yields returns once that is so.

        Containers of others on the engine's own network keep what they had, those too that start meanwhile.
        """
        if not self.active:
            yield lambda: None
            return
        with self._builds_lock:
            self._building.append(app)
            away = self._away
            if away is None:
                self._away = away = Future()
                threading.Thread(target=self._keep_builds_away, args=(away,), name="builds", daemon=True).start()
        try:
            yield away.result
        finally:
            with self._builds_lock:
                self._building.remove(app)
                self._built_at = time.monotonic()

    def _keep_builds_away(self, away: "Future[None]") -> None:
        """Keep them away, follow who else appears on their network, and let go once no build has run for a while."""
        try:
            self._follow_quietly()
        except Exception as error:  # noqa: BLE001 - raised where a build waits for it
            with self._builds_lock:
                self._away = None
            away.set_exception(error)
            return
        away.set_result(None)
        seen, looks = self.host_reader.ports_of_builds(), 0
        since: list[float] = []
        while self._goes_on():
            time.sleep(LOOK)
            looks += 1
            if (now := self.host_reader.ports_of_builds()) != seen:
                seen = now
                since = [looks * LOOK + later for later in CLAIMED]
            if since and since[0] <= looks * LOOK:
                since.pop(0)
                self._follow_quietly()
        self._follow_quietly()

    def _goes_on(self) -> bool:
        with self._builds_lock:
            if not self._building and time.monotonic() - self._built_at >= self.let_go:
                self._away = None
            return self._away is not None

    def _follow_quietly(self) -> None:
        try:
            self.follow()
        except DeployhostError as error:
            log.warning("builds can reach this server itself: %s", error)

    def _apply(self, wanted: HostWanted | Doors, before: Sequence[HostWanted | Doors]) -> bool:
        family, filtered = Family.IPV6 if wanted.v6 else Family.IPV4, False
        if isinstance(wanted, HostWanted):
            if wanted.asked and replace(wanted, asked=False) in before and self._opened(wanted, family):
                return True
            rules = self.firewall.rules(family)
            self._parents[family] = filter_rules.asked_first(rules)
            table, lines = Table.FILTER, host_plan.change(wanted, rules)
        else:
            table, lines = Table.MANGLE, host_doors_plan.change(wanted, self.firewall.rules(family, Table.MANGLE))
            # Who is who is seen by the port, which the packet filter knows of a packet on this condition only.
            filtered = bool(wanted.doors or wanted.others) and self.bridges.filter(wanted.bridge, family)
        if lines:
            self.firewall.restore(family, lines, table)
        return bool(lines) or filtered

    def _opened(self, wanted: HostWanted, family: Family) -> bool:
        """Have a chain asked that is there, without a look at the rules: a build waits for that. Return whether that went well."""
        try:
            self.firewall.restore(family, host_plan.opening(wanted, self._parents[family]))
        except CommandFailed as error:
            log.debug("the chain for builds is made anew: %s", error)
            return False
        return True

    def _is_allowed(self, app: AppName, to: HostDoor) -> bool:
        return to in self.host_reader.may_reach().get(app, ())

    def _builders(self) -> tuple[AppName, ...]:
        return tuple(self._building)

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem
