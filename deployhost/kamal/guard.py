"""Only root reaches Kamal's registry: the packet filter kept as `guard_plan` wants it."""

import logging
import pwd
import threading
from dataclasses import dataclass, field

from deployhost.errors import DeployhostError, KamalUnavailable
from deployhost.kamal import guard_plan, installation
from deployhost.kamal.guard_plan import Guarded
from deployhost.paths import Paths
from deployhost.system.firewall import Family, Firewall

GUARDED_AGAIN = "every account of this server could reach Kamal's registry: the packet filter had lost the rules against it; they are back"
log = logging.getLogger(__name__)


@dataclass
class RegistryGuard:
    """Keeps the registry on loopback from every account but root.

    `problem` is why it can't, or an empty string; `active` is whether the packet filter is this tree's to keep.
    """

    paths: Paths
    firewall: Firewall
    active: bool = True
    problem: str = field(default="", init=False)
    _kept: bool = field(default=False, init=False)  # whether they were there once while this daemon runs
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def keep(self) -> tuple[str, ...]:
        """Have the rules be there on a server that has Kamal; return what a person should know: that they were gone.

        At the first look nothing is said. After an upgrade they were never there, and at boot the registry waits for them.
        Never raises for the packet filter: `problem` tells, and deploys through Kamal are refused (`ensure`).
        """
        if not (self.active and installation.installed(self.paths)):
            return ()
        kept = self._kept
        try:
            changed = self._apply()
        except DeployhostError as error:
            self._tell(f"every account of this server can reach Kamal's registry: {error}")
            return ()
        self._tell("")
        if not (changed and kept):
            return ()
        log.warning("%s", GUARDED_AGAIN)
        return (GUARDED_AGAIN,)

    def ensure(self) -> None:
        """Return once only root reaches the registry. Raises KamalUnavailable where that can't be had."""
        if not self.active:
            return
        try:
            self._apply()
        except DeployhostError as error:
            raise KamalUnavailable(
                f"other accounts of this server can't be kept from Kamal's registry: {error.message}",
                hint=error.hint or installation.SETUP,
                details=error.details,
            ) from error

    def _apply(self) -> bool:
        """Have the rules be there and return whether they were not. Raises what the packet filter does."""
        with self._lock:
            changed = apply(self.firewall, registry())
            self._kept = True
            return changed

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem


def apply(firewall: Firewall, guarded: Guarded) -> bool:
    """Have a guard's rules be there and return whether something was changed. Raises CommandMissing, CommandFailed."""
    changed = _apply(firewall, guarded, Family.IPV4)
    try:
        changed |= _apply(firewall, guarded, Family.IPV6)
    except DeployhostError as error:
        log.debug("no rules for IPv6, which the registry does not listen on: %s", error)
    return changed


def _apply(firewall: Firewall, guarded: Guarded, family: Family) -> bool:
    lines = guard_plan.change(guarded, firewall.rules(family), v6=family is Family.IPV6)
    if lines:
        firewall.restore(family, lines)
    return bool(lines)


def is_there(firewall: Firewall) -> bool:
    """Return whether only root reaches the registry now."""
    try:
        return not guard_plan.change(registry(), firewall.rules(Family.IPV4))
    except DeployhostError:
        return False


def registry() -> Guarded:
    """Return what is guarded. Where the registry's account is not there yet, only root may serve at its port."""
    try:
        return Guarded(str(pwd.getpwnam(guard_plan.USER).pw_uid))
    except KeyError:
        return Guarded("0")
