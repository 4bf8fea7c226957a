"""The accounts of this machine, and the numbers that it has set aside for them."""

import contextlib
import grp
import pwd
from collections.abc import Iterable, Iterator
from pathlib import Path

SUBORDINATE = (Path("/etc/subuid"), Path("/etc/subgid"))  # subuid(5): "account:first:count" on each line


class HostAccounts:
    """The accounts of this machine, wherever its name service has them from."""

    def __init__(self, subordinate: Iterable[Path] = SUBORDINATE) -> None:
        self._subordinate = tuple(subordinate)

    def user(self, uid: int) -> str | None:
        """Return the name of the account of a uid, or None if there is none."""
        with contextlib.suppress(KeyError, OverflowError):
            return pwd.getpwuid(uid).pw_name
        return None

    def group(self, gid: int) -> str | None:
        """Return the name of the group of a gid, or None if there is none."""
        with contextlib.suppress(KeyError, OverflowError):
            return grp.getgrgid(gid).gr_name
        return None

    def subordinate(self) -> list[range]:
        """Return the numbers that accounts may use for users and groups of their own containers."""
        return [found for path in self._subordinate for found in _ranges(path)]


def _ranges(path: Path) -> Iterator[range]:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return  # most servers without such accounts have no such file
    for line in lines:
        fields = line.strip().split(":")
        if len(fields) == 3 and fields[1].isdecimal() and fields[2].isdecimal():
            yield range(int(fields[1]), int(fields[1]) + int(fields[2]))
