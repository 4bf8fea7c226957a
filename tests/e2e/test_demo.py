"""The demo app, as the README shows it: each push adds a line to its table, and no visit is forgotten."""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from tests.real.system_under_test import CHECKOUT, App, ask, docker

MakeApp = Callable[[str], App]
VISITORS, VISITS = 4, 10


def copy_demo(tree: Path) -> None:
    """Given a clone, put the demo there instead of what it holds."""
    for entry in tree.iterdir():
        if entry.name != ".git":
            entry.unlink()
    shutil.copytree(CHECKOUT / "templates/demo", tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def test_demo(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    copy_demo(app.tree)
    app.commit("the demo")
    app.push()
    assert f"deployhost storage enable {app.name}" in app.body(), "without storage it says how one enables it"
    ask("storage", "enable", app.name)

    visitors = [threading.Thread(target=lambda: [app.body() for _ in range(VISITS)]) for _ in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    page = app.tree / "page.html"
    page.write_text(page.read_text().replace("#c93a10", "#6741d9"))
    sha = app.commit("Purple")
    app.push()
    for visitor in visitors:
        visitor.join()

    shown = app.body()
    assert sha[:7] in shown
    assert "#6741d9" in shown
    facts = json.loads(app.body("/api"))
    assert facts["visits"] == VISITORS * VISITS + 1
    assert (facts["commit"], facts["storage"]) == (sha, True)
    versions = [release["version"] for release in facts["releases"]]
    assert versions[0] == sha
    assert len(versions) == 2, "the release before had the storage too; the first had none"
    assert 0 < facts["push_to_running_s"] < 60

    ask("env", "set", app.name, "GREETING=Hello & welcome")
    assert "Hello &amp; welcome" in app.body()
    assert "a visit to" in docker("logs", app.status()["live"]["container"])
