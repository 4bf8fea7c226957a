"""What a route is made from, and so which settings need a new one."""

import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from deployhost.config.app import SETTINGS, AppConfig
from deployhost.config.settings import Applies
from deployhost.kamal.proxy import Target
from deployhost.model import AppName
from deployhost.system.clock import CLOCK
from deployhost.system.netns import Namespaces
from deployhost.traffic.switch import Switch
from tests.inputs.settings import OF_AN_APP


class Asked(Exception):
    """What the proxy was asked for."""

    def __init__(self, target: Target) -> None:
        self.target = target


class Proxy:
    """A proxy that only says what it was asked for."""

    def begin_deploy(self, target: Target, _log: Path) -> NoReturn:
        raise Asked(target)


class AnyNamespace(Namespaces):
    """A network namespace in which one can always listen."""

    def listen_in(self, pid: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", 0))


def route(**settings: object) -> Target:
    """What an app's route is made from. The time to drain is the call's: it is for the release that is replaced."""
    config = AppConfig(AppName("shop"), **settings)  # type: ignore[arg-type]
    container = cast("Any", SimpleNamespace(pid=1, short_id="0123456789ab"))
    switch = Switch(proxy=cast("Any", Proxy()), run=Path("/nowhere"), namespaces=AnyNamespace(), clock=CLOCK)
    with pytest.raises(Asked) as asked:
        switch.to(container, 8080, config)
    return replace(asked.value.target, health_port=0, drain_timeout=0)


@pytest.mark.parametrize("key", SETTINGS)
def test_the_table_knows_which_settings_need_a_new_route(key: str) -> None:
    changes = route(**{key: OF_AN_APP[key]}) != route()
    assert changes == (SETTINGS[key].applies is Applies.ROUTE)
