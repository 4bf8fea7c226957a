"""Directories deeper than Python's stack, in a commit and in the storage, stop neither the app's removal nor the others' deploys."""

from collections.abc import Callable
from pathlib import Path

from tests.inputs.deep_tree import DEEP
from tests.real.system_under_test import App, daemon_returns, deployhost, docker, kill_daemon, server

MakeApp = Callable[[str], App]
MAKE = f"import os; os.chdir('/storage'); [(os.mkdir('d'), os.chdir('d')) for _ in range({DEEP})]; open('file', 'w').close()"


def test_a_deep_tree_stops_nobody(make_app: MakeApp) -> None:
    deep, other = make_app("python"), make_app("static")
    deep.configure(storage=True)
    deep.push()
    docker("exec", deep.status()["live"]["container"], "python3", "-c", MAKE)
    blob = deep.git("hash-object", "-w", "version.txt").out.strip()
    deep.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{'d/' * DEEP}file")
    deep.git("commit", "--quiet", "--message", "deep")
    deep.push(check=False)  # whether the engine can build it or not
    assert "python " in deep.body()

    daemon_returns(kill_daemon(server()["pid"]))
    other.push()
    assert "one" in other.body()
    deployhost("remove", deep.name, "--yes", "--storage")
    for place in ("storage", "builds"):
        assert not (Path("/var/lib/deployhost") / place / deep.name).exists()
    daemon_returns(kill_daemon(server()["pid"]))
    other.set_version("two")
    other.push()
    assert "two" in other.body()
