"""Each step, once: what it changes at Cloudflare and here. test_connect.py has them together."""

from pathlib import Path

import pytest

from deployhost.edge import connect_steps as steps
from deployhost.edge import connection
from deployhost.edge.account import IngressRule
from deployhost.edge.connect_act import EdgeActor
from deployhost.errors import Conflict, NotFound
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.steps import Step, carry_out
from tests.fakes.cloudflare import TOKEN, FakeAccount, FakeCloudflare
from tests.unit.edge.test_connection import ONE


@pytest.fixture
def actor(tmp_path: Path) -> EdgeActor:
    return EdgeActor(paths=Paths(tmp_path), account=FakeAccount(FakeCloudflare(), TOKEN))


def do(actor: EdgeActor, step: Step) -> None:
    carry_out(step, actor.acts)


def test_every_step_has_a_row(actor: EdgeActor) -> None:
    kinds = {one for one in vars(steps).values() if isinstance(one, type) and issubclass(one, Step) and one is not Step}
    assert set(actor.acts) == kinds


def test_another_id_since_it_was_planned(actor: EdgeActor) -> None:
    do(actor, steps.KeepServerId(what="w", why="y", server_id="aaaaaaaaaa"))
    with pytest.raises(Conflict, match="aaaaaaaaaa"):
        do(actor, steps.KeepServerId(what="w", why="y", server_id="bbbbbbbbbb"))


def test_a_step_without_a_connection(actor: EdgeActor) -> None:
    with pytest.raises(NotFound, match="not connected"):
        do(actor, steps.SetIngress(what="w", why="y", rules=(IngressRule(service="http://127.0.0.1:80"),)))


def test_leaving(actor: EdgeActor) -> None:
    connection.save(actor.paths, ONE)
    connection.save_tunnel_token(actor.paths, Secret("joins"))
    actor.paths.cloudflare_sdk.mkdir(parents=True)
    do(actor, steps.SetConnectionAside(what="w", why="y"))
    assert connection.load(actor.paths) is None
    assert connection.leaving(actor.paths) == ONE
    do(actor, steps.ForgetConnection(what="w", why="y"))
    assert not actor.paths.cloudflare_sdk.exists()
    assert connection.leaving(actor.paths) is None
    assert connection.tunnel_token(actor.paths) is None
