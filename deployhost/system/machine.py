"""Facts of the machine, read from files and /proc: the distribution, CPUs and memory, who listens on a port, modes of directories."""

import contextlib
import os
import shlex
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ESTABLISHED, LISTENING = "01", "0A"  # states of a socket in /proc/net/tcp (include/net/tcp_states.h)


@dataclass(frozen=True)
class Distribution:
    """What /etc/os-release says: `id` ("debian"), `name` for people."""

    id: str = ""
    name: str = "this system"


@dataclass(frozen=True)
class PortListener:
    """The process that listens on a port; pid 0 and no program where it is not to be found (another network namespace)."""

    pid: int
    program: str


def distribution(os_release: Path) -> Distribution:
    """Return which distribution this is; a missing file makes it an unknown one."""
    values: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in os_release.read_text(encoding="utf-8", errors="replace").splitlines():
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                values[name.strip()] = "".join(shlex.split(value))
    return Distribution(values.get("ID", ""), values.get("PRETTY_NAME", "") or "this system")


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


def mount_options(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> frozenset[str]:
    """Return the options of the file system that a path lies on, those of its super block; none if that can't be read."""
    found, options = "", frozenset[str]()
    with contextlib.suppress(OSError):
        for line in mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            before, _, after = line.partition(" - ")  # proc(5), /proc/pid/mountinfo
            mounted = before.split(" ")[4]
            # Of those that are mounted one over the other the last counts.
            if len(mounted) >= len(found) and path.is_relative_to(mounted):
                found, options = mounted, frozenset(after.rpartition(" ")[2].split(","))
    return options


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
    return {
        inode
        for address, bound, inode in listening(table)
        if bound == port and (address in ("0.0.0.0", "::") or address.startswith("127."))  # noqa: S104 - compared, not bound
    }


def listening(table: str) -> Iterator[tuple[str, int, str]]:
    """Yield the address, the port and the inode of each listening socket in the text of /proc/net/tcp or tcp6 (proc(5))."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 10 and fields[3] == LISTENING:
            address, _, port = fields[1].partition(":")
            yield _address(address), int(port, 16), fields[9]


def connected(table: str) -> Iterator[tuple[int, str, int]]:
    """Yield the own port, and the other end's address and port, of each connection in the text of /proc/net/tcp or tcp6 (proc(5))."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 10 and fields[3] == ESTABLISHED:
            address, _, port = fields[2].partition(":")
            yield int(fields[1].partition(":")[2], 16), _address(address), int(port, 16)


def modes(directories: tuple[Path, ...]) -> dict[Path, int]:
    """Return the mode of each directory that is there."""
    return {one: one.stat().st_mode & 0o7777 for one in directories if one.is_dir()}


def command_line(pid: int) -> tuple[str, ...]:
    """Return a process's argv; an empty one if it is gone."""
    with contextlib.suppress(OSError):
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        return tuple(part.decode("utf-8", "replace") for part in raw.rstrip(b"\0").split(b"\0"))
    return ()


def _address(text: str) -> str:
    raw = bytes.fromhex(text)
    # The kernel prints each 32-bit word in the machine's byte order; every machine deployhost runs on is little-endian.
    words = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    if len(words) == 4:
        return socket.inet_ntop(socket.AF_INET, words)
    mapped = words[:12] == bytes(10) + b"\xff\xff"
    return socket.inet_ntop(socket.AF_INET, words[12:]) if mapped else socket.inet_ntop(socket.AF_INET6, words)


def _owner(inodes: set[str], proc: Path) -> PortListener | None:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            for descriptor in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(os.readlink(descriptor)) in wanted:  # noqa: PTH115 - Path.readlink would make a path of "socket:[1]"
                        return PortListener(int(process.name), (process / "comm").read_text(encoding="utf-8").strip())
    return None
