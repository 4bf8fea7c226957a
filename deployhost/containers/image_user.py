"""Which uid and gid an image's USER is. Pure: the texts of its passwd and group are arguments, and hostile."""

import re

MOST = 2**31 - 1  # what runc takes (libcontainer/user, maxID)
_NUMBER = re.compile(r"[0-9]{1,10}")


def needs_tables(user: str) -> bool:
    """Return whether only an image's passwd and group can tell the numbers of its USER."""
    name, _, group = user.partition(":")
    uid, gid = _number(name or "0"), _number(group) if group else None
    return uid is None or (gid is None and (uid != 0 or bool(group)))


def owner(user: str, passwd: str = "", groups: str = "") -> tuple[int, int] | None:
    """Return uid and gid of an image's USER ("name", "uid", "name:group", "uid:gid" or ""), None if nobody has that name.

    Numbers are taken as they are, names looked up; without a group it is the one that passwd has, else 0, as runc does it.
    """
    name, _, group = user.partition(":")
    name = name or "0"
    uid, gid = _number(name), _number(group) if group else None
    for fields in _lines(passwd, 4):
        if name in (fields[0], fields[2]):
            uid = _number(fields[2])
            gid = _number(fields[3]) if gid is None and not group else gid
            break
    if group and gid is None:
        gid = next((_number(fields[2]) for fields in _lines(groups, 3) if fields[0] == group), None)
        if gid is None:
            return None
    return None if uid is None else (uid, gid or 0)


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) and int(text) <= MOST else None


def _lines(table: str, fields: int) -> list[list[str]]:
    """Return the lines that have that many fields and a number for an id."""
    found = [line.split(":") for line in table.split("\n")]
    return [line for line in found if len(line) >= fields and _number(line[2]) is not None]
