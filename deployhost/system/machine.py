"""Facts of the machine, read from files and /proc: the distribution, CPUs and memory, who listens on a port, modes of directories."""

import contextlib
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

LISTENING = "0A"  # the state of a socket in /proc/net/tcp (include/net/tcp_states.h)


@dataclass(frozen=True)
class Distribution:
    """What /etc/os-release says: `id` ("debian"), `version` ("12"), `name` for people."""

    id: str = ""
    version: str = ""
    name: str = "this system"


@dataclass(frozen=True)
class PortListener:
    """The process that listens on a port; pid 0 and no program where it is not to be found (another network namespace)."""

    pid: int
    program: str


def distribution(os_release: Path = Path("/etc/os-release")) -> Distribution:
    """Return which distribution this is; a missing file makes it an unknown one."""
    values: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in os_release.read_text(encoding="utf-8", errors="replace").splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                values[name.strip()] = "".join(shlex.split(value))
    return Distribution(
        values.get("ID", ""), values.get("VERSION_ID", ""), values.get("PRETTY_NAME", "") or "this system"
    )


def cpus() -> tuple[int, ...]:
    """Return the numbers of the CPUs that this process may use."""
    return tuple(sorted(os.sched_getaffinity(0)))


def memory(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return the machine's bytes of memory; 0 if the kernel does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in meminfo.read_text(encoding="ascii").splitlines():
            name, _, rest = line.partition(":")
            if name == "MemTotal":
                return int(rest.split()[0]) * 1024
    return 0


def is_in_use(directory: Path, proc: Path = Path("/proc")) -> bool:
    """Return whether a process has a directory, or one below it, as its working directory (proc(5), /proc/pid/cwd)."""
    for link in proc.glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):  # it has ended
            if link.readlink().is_relative_to(directory):
                return True
    return False


def listener(port: int, proc: Path = Path("/proc")) -> PortListener | None:
    """Return who listens on a TCP port on loopback or on every address, or None if nobody does."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            inodes |= listening_inodes((proc / "net" / table).read_text(encoding="ascii"), port)
    if not inodes:
        return None
    return _owner(inodes, proc) or PortListener(0, "")


def listening_inodes(table: str, port: int) -> set[str]:
    """Return the inodes of the sockets that listen on a port, by the text of /proc/net/tcp or tcp6.

    A socket of one address that is not loopback does not keep 127.0.0.1 from being bound.
    """
    found = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != LISTENING:
            continue
        address, _, hexport = fields[1].rpartition(":")
        if int(hexport, 16) == port and _clashes_with_loopback(address):
            found.add(fields[9])
    return found


def modes(directories: tuple[Path, ...]) -> dict[Path, int]:
    """Return the mode of each directory that is there."""
    found = {}
    for directory in directories:
        if directory.is_dir():
            found[directory] = directory.stat().st_mode & 0o7777
    return found


def command_line(pid: int) -> tuple[str, ...]:
    """Return a process's argv; an empty one if it is gone."""
    with contextlib.suppress(OSError):
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        return tuple(part.decode("utf-8", "replace") for part in raw.rstrip(b"\0").split(b"\0"))
    return ()


def _clashes_with_loopback(address: str) -> bool:
    # The kernel writes addresses as 32-bit words of the machine's own order, 127.0.0.1 as 0100007F on x86 and arm64.
    if len(address) == 8:
        return address == "00000000" or address.endswith("7F")
    mapped = address[:24] == "0000000000000000FFFF0000" and address.endswith("7F")
    return address == "0" * 32 or mapped


def _owner(inodes: set[str], proc: Path) -> PortListener | None:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ended meanwhile
            for descriptor in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(os.readlink(descriptor)) in wanted:  # noqa: PTH115 - Path.readlink would make a path of "socket:[1]"
                        return PortListener(int(process.name), (process / "comm").read_text(encoding="utf-8").strip())
    return None
