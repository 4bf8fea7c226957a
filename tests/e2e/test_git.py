"""What git pushes do: which deploy, which do not, and what they say."""

import subprocess
from collections.abc import Callable

from tests.real.system_under_test import App, ask, eventually, run

MakeApp = Callable[[str], App]


def deploys(app: App) -> int:
    """Return the number of the newest deploy: one that was not made did not count it up."""
    return int(app.last_deploy()["id"])


def test_first_push_adopts(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.git("branch", "--move", "master")
    app.push("master")
    assert app.body() == "stdlib one\n"
    assert app.status()["branch"] == "master"


def test_other_refs(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    before = deploys(app)

    app.git("checkout", "--quiet", "-b", "idea")
    app.set_version("idea")
    pushed = app.push("idea")
    assert "idea" in pushed.said
    assert "main" in pushed.said, "it says which branch deploys"
    app.git("tag", "v1")
    assert "tag" in app.push("v1").said
    assert "idea" in app.push(":idea").said

    listed = run(["git", "ls-remote", app.remote]).out
    assert "refs/tags/v1" in listed
    assert "refs/heads/idea" not in listed
    assert (deploys(app), app.body()) == (before, "stdlib one\n")


def test_deleting_the_branch(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    before = deploys(app)
    app.push(":main", check=False)
    assert (deploys(app), app.body()) == (before, "stdlib one\n")
    app.set_version("two")
    app.push()
    assert app.body() == "stdlib two\n"


def test_force_push(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    app.set_version("two")
    app.push()
    app.git("reset", "--quiet", "--hard", "HEAD~1")
    app.set_version("three")
    assert app.push(check=False).code == 1, "git itself refuses it without force"
    assert app.body() == "stdlib two\n"
    app.push("--force", "main")
    assert app.body() == "stdlib three\n"


def test_same_commit_again(make_app: MakeApp) -> None:
    """A commit that failed for a reason outside of it (a missing variable) can be pushed again."""
    app = make_app("stdlib")
    app.push()
    needs = "import os\nos.environ['NEEDED']\n"
    main = app.tree / "main.py"
    main.write_text(main.read_text().replace('"""\n', '"""\n' + needs, 1))
    app.set_version("two")
    failed = app.push(check=False)
    assert failed.code == 1
    assert "NEEDED" in failed.said
    assert app.body() == "stdlib one\n"

    again = app.push(check=False)
    assert again.code == 1
    assert "up-to-date" not in again.said

    ask("env", "set", app.name, "NEEDED=1")
    app.push()
    assert app.body() == "stdlib two\n"


def test_overtaken(make_app: MakeApp) -> None:
    """Three pushes at once: the newest is live at the end, every push succeeds, and one that never ran says so."""
    app = make_app("stdlib")
    app.push()
    main = app.tree / "main.py"
    main.write_text(main.read_text().replace("signal.signal(", "time.sleep(1.5)\nsignal.signal(", 1))
    app.set_version("two")
    first = app.begin_push()
    eventually(lambda: app.last_deploy()["status"] == "running", within=20, what="the first deploy runs")
    number = int(app.last_deploy()["id"])
    app.set_version("three")
    second = app.begin_push()
    eventually(lambda: int(app.last_deploy()["id"]) > number, within=20, what="the second push was taken")
    app.set_version("four")
    third = app.push()
    ends = [first.wait(), second.wait(), third]
    assert [end.code for end in ends] == [0, 0, 0]
    assert "overtaken" in ends[1].said
    assert app.settled()["status"] == "live"
    assert app.body() == "stdlib four\n"


def test_interrupt(make_app: MakeApp) -> None:
    """Ctrl-C while it is deployed ends the push, not the deploy."""
    app = make_app("stdlib")
    app.push()
    main = app.tree / "main.py"
    main.write_text(main.read_text().replace("signal.signal(", "time.sleep(1.5)\nsignal.signal(", 1))
    sha = app.set_version("two")
    push = app.begin_push()
    eventually(lambda: app.last_deploy()["sha"] == sha, within=20, what="the push was taken")
    push.interrupt()
    assert push.wait(20).code != 0
    assert app.settled()["status"] == "live"
    assert app.body() == "stdlib two\n"
    app.git("fetch", "--quiet")
    assert app.git("rev-parse", "origin/main").out.strip() == sha


def test_secrets_stay_out(make_app: MakeApp) -> None:
    """What is in .git or in a committed .env is not in the image."""
    app = make_app("stdlib")
    (app.tree / ".env").write_text("SECRET=1\n")
    app.commit("an .env by mistake")
    app.push()
    listing = subprocess.run(
        ["docker", "exec", app.status()["live"]["container"], "ls", "-a"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "main.py" in listing
    assert {".git", ".env"}.isdisjoint(listing)
