"""What `may_reach` may name of the host."""

import pytest

from deployhost.config.reachable import HostDoor, reachable
from deployhost.errors import InvalidName
from deployhost.model import AppName


def test_apps_and_parts_of_the_host() -> None:
    assert type(reachable("host")) is AppName
    assert reachable("host:5432") == HostDoor("host:5432")
    assert (HostDoor("host:5432").port, HostDoor("host:65535").port, HostDoor("host:metadata").port) == (
        5432,
        65535,
        None,
    )


@pytest.mark.parametrize(
    "text", ["host:", "host:0", "host:05", "host:65536", "host:http", "db:5432", "host:1 ", "host:٣"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(InvalidName, match="is not a part of the host: use host:PORT"):
        reachable(text)
