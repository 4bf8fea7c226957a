"""A mistake in the entry of one app in apps.yml: what is done for all apps goes on for the others."""

from pathlib import Path

import pytest

from deployhost.daemon.parts import Parts
from deployhost.errors import SwitchFailed
from deployhost.model import AppName
from deployhost.paths import Paths
from tests.fakes.assembled import Server, sha
from tests.fakes.operations import Operations

SHOP, OWN = AppName("shop"), AppName("own")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.config.mkdir(parents=True)
    return paths


def write(paths: Paths, own: str, shop: str) -> None:
    text = f"apps:\n  own: {{{own}}}\n  shop: {{{shop}}}\n"
    paths.apps_yml.with_suffix(".new").write_text(text)
    paths.apps_yml.with_suffix(".new").replace(paths.apps_yml)


def test_whom_it_may_reach_stays_as_it_was(paths: Paths) -> None:
    isolation = Parts(paths).isolation
    write(paths, "may_reach: [shop]", "")
    assert isolation._read() == {OWN: (SHOP,), SHOP: ()}
    write(paths, "may_reach: [shop], prot: 1", "may_reach: [own]")
    assert isolation._read() == {OWN: (SHOP,), SHOP: (OWN,)}


def test_its_removal_is_not_taken_for_done(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, sha(1))
    server.table.down = True
    with pytest.raises(SwitchFailed):
        ops.ask("app.remove", name=app)
    server.table.down = False
    good = server.paths.apps_yml.read_text()
    for broken in ("    prot: 1\n", "  other: [\n"):
        server.paths.apps_yml.write_text(good + broken)
        ops.daemon.remover.resume()
        assert list(ops.daemon.remover.removals.open()) == [app]
    server.paths.apps_yml.write_text(good)
    ops.daemon.remover.resume()
    assert ops.daemon.remover.removals.open() == {}
