"""A directory bound to itself: setuid programs and device files that somebody puts there then have no power on this machine.

`python3 -I -m deployhost.system.bind_mount DIRECTORY` does it before anything else at boot. Standard library only, and light: the
supervisor does it too, in what is about to become dockerd. A mount inherits these flags from the one that it is bound from,
so that containers have them at what they mount from here (mount_namespaces(7)).
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

# mount(2), linux/mount.h. The flags that statvfs(3) returns have the same values, but for relatime.
MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_RELATIME = 2, 4, 32, 4096, 1 << 21
KEPT = os.ST_RDONLY | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME
DETACH = 2  # umount2(2), MNT_DETACH: whoever is at work there may end it


def is_bound(directory: Path) -> bool:
    """Return whether setuid programs and device files in a directory have no power; False if there is no such directory."""
    try:
        flags = os.statvfs(directory).f_flag
    except OSError:
        return False
    return flags & (MS_NOSUID | MS_NODEV) == MS_NOSUID | MS_NODEV


def lacks_flags(pid: int, place: str) -> bool:
    """Return whether a process has something mounted at a place where setuid programs or device files have power."""
    try:
        text = Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return False  # it has ended
    options = [fields[5].split(",") for fields in map(str.split, text.splitlines()) if fields[4] == place]
    return bool(options) and not {"nosuid", "nodev"} <= set(options[-1])


def bind(directory: Path) -> None:
    """Bind a directory to itself without setuid and devices, unless it is so already. Raises OSError."""
    if is_bound(directory):
        return
    flags = os.statvfs(directory).f_flag
    kept = flags & KEPT | (MS_RELATIME if flags & os.ST_RELATIME else 0)
    _mount(directory, MS_BIND)
    try:
        _mount(directory, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | kept)
    except OSError:
        _unmount(directory)
        raise


def is_mounted(directory: Path) -> bool:
    """Return whether a directory is bound to itself by `bind`."""
    return any(True for _ in _bound(directory))


def unbind(directory: Path) -> None:
    """Undo `bind`, as often as it was done. A disk of its own that is mounted there stays. Raises OSError."""
    for _ in _bound(directory):
        _unmount(directory)


def _bound(directory: Path) -> Iterator[str]:
    """Yield the mounts at a directory that are of the file system which it lies on anyway, the newest first."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    mounts = {
        fields[0]: fields for fields in map(str.split, lines)
    }  # proc_pid_mountinfo(5): id, parent, device, root, place
    for number, parent, device, _, place, *_ in reversed(mounts.values()):
        below = mounts.get(parent)
        if place == str(directory) and below is not None and below[2] == device:
            yield number


def _mount(directory: Path, flags: int) -> None:
    path = os.fsencode(directory)
    _checked(_libc().mount(path, path, None, ctypes.c_ulong(flags), None), directory)


def _unmount(directory: Path) -> None:
    _checked(_libc().umount2(os.fsencode(directory), DETACH), directory)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, directory: Path) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(directory))


def main(argv: list[str]) -> int:
    """Bind the directory that is named, and return an exit code."""
    with contextlib.suppress(FileNotFoundError):  # there is no app with storage yet
        bind(Path(argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
