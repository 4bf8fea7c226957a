"""Which apps are connected to the host that they run on: what an upgrade from a version that did not keep them away has to tell."""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from deployhost.config.reachable import HostDoor
from deployhost.containers.belongs import app_of
from deployhost.model import AppName
from deployhost.system import machine
from deployhost.system.docker_model import Container
from deployhost.traffic import host_plan


def connected(
    containers: Iterable[Container], local: Collection[str], proc: Path = Path("/proc")
) -> tuple[tuple[AppName, HostDoor], ...]:
    """Return the apps whose containers have a connection to the host, and to which part of it; `local` are the host's addresses."""
    apps = ((app_of(one), one.pid) for one in containers if one.running)
    found = {(app, to) for app, pid in apps if app is not None for to in _of(proc / str(pid) / "net", local)}
    return tuple(sorted(found))


def _of(net: Path, local: Collection[str]) -> Iterator[HostDoor]:
    tables = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            tables.append((net / name).read_text(encoding="ascii"))
    served = {port for table in tables for _, port, _ in machine.listening(table)}
    for own, address, port in (one for table in tables for one in machine.connected(table)):
        # At a port where it listens, it was the host that called.
        to = None if own in served else host_plan.door(address, port, local)
        if to is not None and not (to.port is not None and to.port in host_plan.PUBLIC):
            yield to
