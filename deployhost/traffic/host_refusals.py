"""What apps and builds were refused of the host: learned from the packet filter's log, each shown once with the line that allows it."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from deployhost.config.reachable import HostDoor
from deployhost.containers.belongs import app_of
from deployhost.errors import DeployhostError
from deployhost.model import AppName
from deployhost.steps import Finding, Severity
from deployhost.system.addresses import HostAddresses
from deployhost.system.docker import Docker
from deployhost.system.packet_log import Logged, PacketLog
from deployhost.traffic import host_plan

SHOWN = 86400.0  # seconds after the last refusal
MOST = 100  # that are remembered: an app may try every port
log = logging.getLogger(__name__)
Allowed = Callable[[AppName, HostDoor], bool]
Builders = Callable[[], tuple[AppName, ...]]


@dataclass
class HostRefusals:
    """Remembers what each app was refused of the host."""

    docker: Docker
    addresses: HostAddresses
    packets: PacketLog
    clock: Callable[[], float]
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _seen: dict[tuple[AppName, HostDoor, bool], float] = field(default_factory=dict, init=False)
    _listening: bool = field(default=False, init=False)
    _allowed: Allowed = field(default=lambda _app, _to: False, init=False)
    _builders: Builders = field(default=lambda: (), init=False)

    def listen(self, allowed: Allowed, builders: Builders) -> None:
        """Have a thread of its own wait for refusals, if none does yet.

        `allowed` is whether an app may reach a part of the host by now, `builders` are the apps that are being built.
        """
        with self._lock:
            self._allowed, self._builders = allowed, builders
            if self._listening:
                return
            self._listening = True
        threading.Thread(target=self._listen, name="refusals", daemon=True).start()

    def _listen(self) -> None:
        try:
            for packet in self.packets.packets():
                try:
                    self.note(packet, self._builders())
                except (DeployhostError, OSError) as error:
                    log.debug("a refusal of the packet filter is not told: %s", error)
        except OSError as error:
            log.info("refusals of the packet filter are not told: %s", error)

    def note(self, packet: Logged, builders: tuple[AppName, ...] = ()) -> None:
        """Remember a packet that was refused. Raise DockerUnavailable, OSError."""
        local = {str(address) for _, address in self.addresses.local()}
        to = host_plan.door(packet.destination, packet.port, local)
        if to is None:
            return
        running = self.docker.listed({}, running_only=True)
        containers = [one for one in running if packet.source in (*one.ips.values(), *one.ip6s.values())]
        apps = [app for one in containers if (app := app_of(one)) is not None]
        for app in apps if containers else builders:
            self._remember(app, to, by_build=not containers)

    def _remember(self, app: AppName, to: HostDoor, *, by_build: bool) -> None:
        if not by_build and self._allowed(app, to):
            return  # its container had just started, and is in the rules by now
        with self._lock:
            key = (app, to, by_build)
            if key not in self._seen:
                if len(self._seen) >= MOST:
                    return
                log.warning("%s: %s", (found := _finding(*key)).what, found.why)
            self._seen[key] = self.clock()

    def findings(self) -> tuple[Finding, ...]:
        """Return what apps were refused within a day and may not reach yet."""
        with self._lock:
            now = self.clock()
            self._seen = {key: at for key, at in self._seen.items() if now - at < SHOWN}
            seen = sorted(self._seen)
        return tuple(self._findings(seen))

    def _findings(self, seen: list[tuple[AppName, HostDoor, bool]]) -> Iterator[Finding]:
        for app, to, by_build in seen:
            if by_build or not self._allowed(app, to):
                yield _finding(app, to, by_build)


def _finding(app: AppName, to: HostDoor, by_build: bool) -> Finding:
    if by_build:
        return Finding(
            Severity.WARNING,
            f"a build of {app} was refused {named(to)}",
            "builds reach nothing of the server but registries and proxies that its own settings name",
        )
    return Finding(
        Severity.WARNING,
        f"{app} was refused {named(to)}",
        f"an app reaches of the server only what apps.yml opens: add {to} to its may_reach, as in `may_reach: [{to}]`",
    )


def named(to: HostDoor) -> str:
    """Return how people call a part of the host."""
    return "the cloud's metadata service" if to.port is None else f"port {to.port} of this server"
