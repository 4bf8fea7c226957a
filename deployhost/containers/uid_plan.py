"""Which uid an app gets that no account of the server has, nor may ever use. Pure."""

import re
from collections.abc import Callable, Collection, Sequence

FIRST = 2**20  # accounts, and the numbers that systemd gives to services, lie below
LAST = 2**31 - 2  # runc takes no higher one (libcontainer/user, maxID), and 2**31 - 1 stands for nobody here and there
_NUMBER = re.compile(r"[0-9]{7,10}", re.ASCII)


def read_uid(text: str) -> int | None:
    """Return the uid that a label has, or None if it is none of ours."""
    return int(text) if _NUMBER.fullmatch(text) and is_ours(int(text)) else None


def is_ours(uid: int) -> bool:
    """Return whether a number is one of those from which apps get theirs."""
    return FIRST <= uid <= LAST


def choose_uid(
    taken: Collection[int], subordinate: Sequence[range], is_account: Callable[[int], bool], first: int = FIRST
) -> int:
    """Return the lowest number from `first` on that nobody has: none of `taken`, in no range of subordinate ids, and no account's.

    Raises ValueError if there is none.
    """
    uid = first
    while uid <= LAST:
        around = next((one for one in subordinate if uid in one), None)
        if around is not None:
            uid = around.stop
        elif uid in taken or is_account(uid):
            uid += 1
        else:
            return uid
    raise ValueError("there is no uid left")
