"""disconnect cloudflare: asked before anything goes, shown, and nothing where there is nothing."""

import os
from pathlib import Path

import pytest

from deployhost.edge import asking, connection
from deployhost.edge.connect import Connecting, EdgeRequest
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.system import service_manager
from tests.fakes.cloudflare import TOKEN, FakeCloudflare
from tests.fakes.command import Run
from tests.fakes.services import FakeServices
from tests.unit.edge.test_connect import Recording


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, root: Path) -> FakeCloudflare:
    made = FakeCloudflare()
    made.zone("example.com")
    monkeypatch.setattr(asking, "CloudflareAccounts", lambda sdk: made)
    monkeypatch.setattr(service_manager, "service_manager", lambda _paths: FakeServices())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    Connecting(paths=Paths(root), accounts=made).run(EdgeRequest(token=Secret(TOKEN)), Recording())
    return made


def test_it_needs_a_yes(cloud: FakeCloudflare, run: Run, root: Path) -> None:
    ran = run("disconnect", "cloudflare")
    assert ran.code == 2
    assert "try: deployhost disconnect cloudflare --yes" in ran.err
    assert run("disconnect", "cloudflare", "--json").code == 2
    assert len(cloud.live_tunnels()) == 1
    assert connection.load(Paths(root)) is not None


def test_a_dry_run(cloud: FakeCloudflare, run: Run, root: Path) -> None:
    ran = run("disconnect", "cloudflare", "--dry-run")
    assert ran.code == 0
    assert "would delete the tunnel deployhost-" in ran.out
    assert run("disconnect", "cloudflare", "--dry-run", "--json").json["changed"] is False
    assert len(cloud.live_tunnels()) == 1
    assert connection.load(Paths(root)) is not None


def test_with_a_yes(cloud: FakeCloudflare, run: Run, root: Path) -> None:
    ran = run("disconnect", "cloudflare", "--yes")
    assert ran.code == 0
    assert "✓ delete the tunnel deployhost-" in ran.out
    assert "apps keep running" in ran.out
    assert cloud.live_tunnels() == []
    assert connection.load(Paths(root)) is None
    ran = run("disconnect", "cloudflare", "--json")
    assert ran.code == 0
    assert ran.json == {"steps": [], "notes": [], "changed": False, "dry_run": False}
    assert "not connected to Cloudflare; nothing to do" in run("disconnect", "cloudflare").out


def test_only_root(cloud: FakeCloudflare, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run("disconnect", "cloudflare", "--yes").code == 2
    assert len(cloud.live_tunnels()) == 1
