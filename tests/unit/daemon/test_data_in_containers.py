"""An app whose data ends with its container is told so: at a push, and where one asks what would be built."""

from pathlib import Path

import pytest

from deployhost.config import apps
from deployhost.model import Sha
from deployhost.system.stop import Stop
from tests.fakes.assembled import Server, sha
from tests.fakes.git import FakeRepository
from tests.fakes.operations import Operations

ONE, TWO = sha(1), sha(2)
WARNING = "app.py line 2 opens a SQLite database, and shop has no storage: it is lost with each deploy"


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = FakeRepository.check_out

    def check_out(self: FakeRepository, commit: Sha, tree: Path, stop: Stop | None = None) -> None:
        plain(self, commit, tree, stop)
        (tree / "app.py").write_text("import sqlite3\nsqlite3.connect(os.environ.get('DB', 'notes.db'))\n")

    monkeypatch.setattr(FakeRepository, "check_out", check_out)


def test_without_storage(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    assert [note for note in ops.notes() if note.startswith(f"warning: {WARNING}")]
    [warning] = ops.ask("app.inspect", name=app)["warnings"]
    assert warning == f"{WARNING}; deployhost storage enable shop, then keep it below /storage"


def test_with_storage(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    apps.set_storage(server.paths.apps_yml, app, True)
    ops.push(app, ONE)
    assert not [note for note in ops.notes() if "SQLite" in note]
    assert ops.ask("app.inspect", name=app)["warnings"] == []


def test_elsewhere_by_a_variable(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    server.set_env(ops.daemon, app, DB="/elsewhere/notes.db")
    ops.push(app, ONE)
    assert not [note for note in ops.notes() if "SQLite" in note]
    assert ops.ask("app.inspect", name=app)["warnings"] == []
