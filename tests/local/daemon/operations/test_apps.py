"""Apps that are added, with a repository that git makes."""

import pytest

from deployhost.errors import (
    Conflict,
    FileProblem,
    InvalidName,
)
from deployhost.system.git import BareRepository
from tests.fakes.assembled import Server
from tests.fakes.operations import Operations

# Apps


def test_add(server: Server, ops: Operations) -> None:
    view = ops.ask("app.add", name="shop", domains=["shop.example.com"])
    assert (view["state"], view["live"], view["head"], view["note"]) == ("empty", None, None, "")
    assert view["urls"] == ["http://shop.localhost:8000", "http://shop.example.com:8000"]
    assert view["remote"] == str(server.paths.root / "var/lib/deployhost/repos/shop.git")
    with pytest.raises(Conflict):
        ops.ask("app.add", name="shop")
    with pytest.raises(InvalidName):
        ops.ask("app.add", name="Shop!")


def test_an_app_whose_repository_cannot_be_made_is_not_added(
    ops: Operations, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise FileProblem("no space left on device")

    for broken in ("create", "configure"):
        with monkeypatch.context() as patch:
            patch.setattr(BareRepository, broken, full_disk)
            with pytest.raises(FileProblem):
                ops.ask("app.add", name="shop")
        assert ops.ask("app.list")["apps"] == []
        assert list(server.paths.repos.iterdir()) == []
