"""The process that plans: what it sends, and that it ends by itself."""

import signal
from pathlib import Path

import pytest

from deployhost.build.planning_process import from_wire, plan_directory, to_wire
from deployhost.model import AppName
from tests.fakes.hostile_planner import directory, hostile

SHOP = AppName("shop")


@pytest.mark.parametrize("dockerfile", ["# syntax=docker/dockerfile:1\nFROM a\nRUN <<E\nE\nEXPOSE 3000", "FROM \udce9"])
def test_a_plan_survives_the_wire(tmp_path: Path, dockerfile: str) -> None:
    (tmp_path / "Dockerfile").write_bytes(dockerfile.encode("utf-8", "surrogateescape"))
    plan = plan_directory(tmp_path, SHOP, storage=None, variables={})
    assert from_wire(to_wire(plan)) == plan


def test_it_ends_with_who_asks_and_by_itself_where_it_is_frozen(tmp_path: Path) -> None:
    """Nobody kills it: the daemon may be gone."""
    for name, seconds in (("good", 20.0), ("freezes", 0.3)):
        partner = hostile()
        request = f'{{"directory": "{directory(tmp_path, name)}", "app": "a", "storage": null, "variables": {{}}, "seconds": {seconds}}}'
        partner._send(len(request).to_bytes(4, "big") + request.encode())
        assert partner._popen.stdin is not None
        partner._popen.stdin.close()
        assert partner._popen.wait(5) == (0 if name == "good" else -signal.SIGALRM)
        partner.end()
