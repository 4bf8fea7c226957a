"""What the key `may_reach` of an app names: other apps, and parts of the host."""

import re
from typing import Self

from deployhost.errors import InvalidName
from deployhost.model import AppName

HIGHEST_PORT = 65535
_DOOR = re.compile(r"host:(?:metadata|([1-9][0-9]{0,4}))")


class HostDoor(str):
    """What an app may reach of the server it runs on: `host:PORT`, or `host:metadata` for the cloud's metadata service."""

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Return it. Raises InvalidName."""
        match = _DOOR.fullmatch(value)
        if match is None or int(match[1] or 1) > HIGHEST_PORT:
            raise InvalidName(
                f"{value[:60]!r} is not a part of the host: use host:PORT, as in host:5432, or host:metadata"
            )
        return super().__new__(cls, value)

    @property
    def port(self) -> int | None:
        """Return the port; None for the metadata service."""
        name = self.partition(":")[2]
        return None if name == "metadata" else int(name)


Reachable = AppName | HostDoor


def reachable(text: str) -> Reachable:
    """Return what `may_reach` names: an app, or a part of the host. Raises InvalidName."""
    return HostDoor(text) if ":" in text else AppName(text)
