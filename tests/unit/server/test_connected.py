"""Every set-up keeps right what is connected, and a Cloudflare that is away does not fail it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deployhost.edge import connection
from deployhost.edge.connect import Connecting, EdgeRequest
from deployhost.errors import (
    Conflict,
    ConnectionRefused,
    DeployhostError,
    ProviderRefused,
    ProviderUnavailable,
    SetupFailed,
    TunnelNotConnected,
)
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.server.connected import ConnectionKeeper, Kept
from tests.fakes.cloudflare import TOKEN
from tests.fakes.services import FakeServices
from tests.fakes.tunnel import START, FakeTunnelSetup, no_cloudflared
from tests.unit.edge.test_connect import Recording, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(Paths(tmp_path))


@pytest.fixture
def keep(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Kept]:
    no_cloudflared(monkeypatch)
    work = ConnectionKeeper(
        paths=world.paths,
        services=FakeServices(),
        accounts=world.cloud,
        log=lambda _line: None,
    )
    return lambda **given: work.keep(Recording(), **{"http_port": 80, **given})


def join(world: World) -> None:
    Connecting(paths=world.paths, accounts=world.cloud).run(EdgeRequest(token=Secret(TOKEN)), Recording())


def test_where_nothing_is_connected(world: World, keep: Callable[..., Kept]) -> None:
    assert keep() == Kept()
    assert world.cloud.calls == []


def test_all_is_right(world: World, keep: Callable[..., Kept]) -> None:
    join(world)
    assert keep() == Kept(steps=(START,))
    assert keep() == Kept()


def test_another_port_moves_the_rule(world: World, keep: Callable[..., Kept]) -> None:
    join(world)
    assert [step.word for step in keep(http_port=8080, dry_run=True).steps] == ["SetIngress", "StartTunnel"]
    assert [step.word for step in keep(http_port=8080).steps] == ["SetIngress", "StartTunnel"]
    (tunnel,) = [one for one in world.cloud.live_tunnels() if one not in world.others]
    assert tunnel.rules[-1].service == "http://127.0.0.1:8080"
    assert keep(http_port=8080).steps == ()


@pytest.mark.parametrize("kind", [ConnectionRefused, ProviderRefused, ProviderUnavailable])
def test_cloudflare_is_away(world: World, keep: Callable[..., Kept], kind: type[DeployhostError]) -> None:
    join(world)

    def away(_name: str) -> None:
        raise kind("it can't be asked", hint="deployhost connect cloudflare")

    world.cloud.fault = away
    kept = keep()
    assert kept.steps == (START,), "this machine's part is done"
    said = "what is at Cloudflare could not be checked: it can't be asked; try: deployhost connect cloudflare"
    assert kept.notes == (said,)


def test_cloudflared_does_not_connect(world: World, keep: Callable[..., Kept], monkeypatch: pytest.MonkeyPatch) -> None:
    join(world)
    monkeypatch.setattr(FakeTunnelSetup, "error", TunnelNotConnected("cloudflared did not connect"))
    assert keep().notes == ("cloudflared did not connect",)
    monkeypatch.setattr(FakeTunnelSetup, "error", SetupFailed("apt-get can't install cloudflared"))
    with pytest.raises(SetupFailed):
        keep()


def test_what_a_person_has_to_mend(world: World, keep: Callable[..., Kept]) -> None:
    join(world)
    connection.set_aside(world.paths)
    assert keep() == Kept(), "it is being disconnected"
    world = World(Paths(world.paths.root / "another"))
    join(world)
    world.paths.config.mkdir(exist_ok=True)
    world.paths.server_yml.write_text("webhook_host: www.example.com\n")
    work = ConnectionKeeper(
        paths=world.paths,
        services=FakeServices(),
        accounts=world.cloud,
        log=lambda _line: None,
    )
    with pytest.raises(Conflict, match="has a record already"):
        work.keep(Recording(), http_port=80)
