"""Waiting for a started container to be ready: reads its sockets, asks over HTTP; `readiness` judges."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from deployhost.containers import readiness
from deployhost.containers.readiness import Probe
from deployhost.errors import BootFailed, CommandStopped
from deployhost.system.clock import Clock, until
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.system.http import Get
from deployhost.system.netns import Namespaces
from deployhost.system.stop import Stop, unless_stopped

POLL = 0.012  # seconds between looks
POLL_SLOW = 0.1  # … once the app has taken longer than a few seconds
PATIENCE = 5.0
KILLED = 137  # 128 + SIGKILL
NOTED_WITHIN = 2.0  # seconds that an engine may take to note that a process of it has ended
UNWELL = 0.25  # seconds between probes of an app that has answered, and not well: its log is not ours to fill


@dataclass(frozen=True, kw_only=True)
class BootRules:
    """What is expected of the app: $PORT, where its last release served, its health path (None: the default ones), its host name.

    `limit` is the time that it has, in seconds.
    """

    port: int
    port_fixed: bool
    last_port: int | None
    health: str | None
    host: str
    limit: float


@dataclass(frozen=True)
class Ready:
    """A container that answers: on which port, the probe that proved it, and the host name that it was asked for."""

    port: int
    probe: Probe
    host: str = ""


@dataclass(frozen=True)
class _Asking:
    """How a container's ports are asked: where, by which rules, until when, and what ends it."""

    ip: str
    rules: BootRules
    until: float
    check: Callable[[], None]
    stop: Stop


@dataclass(frozen=True, kw_only=True)
class BootWatch:
    """Waits for containers to become ready: reads who listens in their network namespaces, and asks there over HTTP."""

    docker: Docker
    namespaces: Namespaces
    get: Get
    clock: Clock

    def wait(
        self, container: Container, ip: str, rules: BootRules, check: Callable[[], None], stop: Stop | None = None
    ) -> Ready:
        """Return once a started container is ready. Raise BootFailed with the cause if it ends or never is, and what `check` raises.

        `check` is called all the while; `stop` has it called at once, also while the app does not answer.
        """
        started = self.clock.monotonic()
        asking = _Asking(ip, rules, started + rules.limit, check, stop or Stop())
        listening_since = unhealthy_since = None
        probes: list[Probe] = []
        while True:
            check()
            now = self.clock.monotonic()
            seen = self.namespaces.listeners(container.pid)
            if seen is None:
                raise self._ended(container)
            listening_since = (listening_since or now) if seen else None
            for_seconds = now - listening_since if listening_since else 0.0
            if (port := readiness.loopback_only(seen, rules.port, for_seconds)) is not None:
                raise BootFailed(f"the app can't be reached: {readiness.told_loopback(port, rules.port)}")
            ports = readiness.ports_to_try(
                seen, rules.port, last=rules.last_port, fixed=rules.port_fixed, seconds_listening=for_seconds
            )
            for candidate in ports:
                if self.clock.monotonic() - started > rules.limit:
                    break  # a dozen ports that say nothing take no longer than one
                probes = self._ask(asking, candidate, len(ports))
                if readiness.good(probes[-1], configured=rules.health is not None):
                    return Ready(candidate, probes[-1], rules.host)
                unhealthy_since = (unhealthy_since or now) if any(probe.status for probe in probes) else None
            if unhealthy_since and readiness.given_up(probes, now - unhealthy_since):
                raise BootFailed(f"the app is not healthy: {', '.join(map(str, probes))}")
            if self.clock.monotonic() - started > rules.limit:
                raise BootFailed(
                    f"the app is not ready: {readiness.why_not_ready(seen, rules.port, probes, rules.limit)}"
                )
            self.clock.sleep(UNWELL if unhealthy_since else POLL if now - started < PATIENCE else POLL_SLOW)

    def _ask(self, asking: _Asking, port: int, ports: int) -> list[Probe]:
        """Return the probes of a port, the last of them good or each bad; `ports` is how many are to be asked."""
        rules = asking.rules
        probes = []
        for path in readiness.paths_to_ask(rules.health):
            left = asking.until - self.clock.monotonic()
            ask = partial(
                self.get, asking.ip, port, path, host=rules.host, timeout=readiness.probe_timeout(left, ports)
            )
            try:
                answer = unless_stopped(ask, asking.stop, name="probe")
            except CommandStopped:
                asking.check()
                raise
            probes.append(Probe(path, answer.status, answer.problem, answer.missing))
            if readiness.good(probes[-1], configured=rules.health is not None):
                break
        return probes

    def now(self, container: str) -> Container | None:
        """Return a container as it is, or None once it is removed.

        A process is gone a moment before its engine says so, and knows with which exit code: that moment is waited for.
        """

        def noted() -> tuple[Container | None] | None:
            found = self.docker.find(container)
            unnoted = found is not None and found.running and self.namespaces.listeners(found.pid) is None
            return None if unnoted else (found,)

        answer = until(noted, within=NOTED_WITHIN, every=POLL, clock=self.clock)
        return self.docker.find(container) if answer is None else answer[0]

    def _ended(self, container: Container) -> BootFailed:
        after = self.now(container.id)
        if after is None:
            return BootFailed("the app's container was removed while it was starting")
        if after.running and (codes := self.docker.how_ended(after.id).exit_codes):
            return BootFailed(f"the app ended while starting, with exit code {codes[0]}")  # Kamal's are started again
        return BootFailed(f"the app ended while starting, {how_it_ended(after)}")


def how_it_ended(container: Container) -> str:
    """Say how a container ended. Not every engine tells that memory was the cause (cgroup v1: exit code 137)."""
    limit = "" if container.memory is None else f" (its limit is {container.memory // 1024**2} MiB)"
    if container.oom_killed:
        return f"out of memory{limit}"
    if container.running:  # started again since, or the engine has not noted its end
        return "and the engine does not say how"
    if container.exit_code == KILLED and container.memory is not None:
        return f"killed, probably for its memory{limit}"
    return f"with exit code {container.exit_code}"
