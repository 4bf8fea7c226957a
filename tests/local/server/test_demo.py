"""The demo: one commit for one template, pushed once, and never over an app of somebody's own. Real git, a scripted daemon."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost import templates
from deployhost.control.results import StatusFound
from deployhost.control.views import AppView
from deployhost.errors import AppNotFound, Conflict, DeployFailed, NotFound
from deployhost.paths import Paths
from deployhost.server.demo import AUTHOR, Demo, commit
from tests.fakes.control import FakeControl
from tests.fakes.views import app_view, live_view, server_view


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.repos.mkdir(parents=True)
    git(paths.repos, "init", "--quiet", "--bare", "hello.git")
    return paths


@pytest.fixture
def control(paths: Paths) -> Iterator[FakeControl]:
    control = FakeControl(paths.control_socket)
    yield control
    control.close()
    control.check()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("work")
    commit(templates.templates_dir() / "demo", directory)
    return directory


@pytest.fixture
def sha(work: Path) -> str:
    return (work / ".git/refs/heads/main").read_text().strip()


def git(where: Path, *arguments: str, author: str = "person@example.com") -> str:
    who = {f"GIT_{role}_{part}": author for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", **who}
    return subprocess.run(
        ["git", *arguments], cwd=where, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def status(sha: str | None, head: str | None, *, state: str = "live", storage: str | None = "/s") -> StatusFound:
    live = None if sha is None else live_view(sha=sha)
    app = app_view(state=state, live=live, head=head, storage=storage, url="u")
    return StatusFound(server=server_view(), apps=[app], problem=None)


def run(paths: Paths, lines: list[str] | None = None) -> tuple[AppView, str]:
    return Demo(paths, (lines if lines is not None else []).append, lambda _event: None).run()


def someone_elses_commit(paths: Paths, author: str = "person@example.com") -> str:
    tree = git(paths.repos / "hello.git", "mktree")
    return git(paths.repos / "hello.git", "commit-tree", tree, "-m", "mine", author=author)


def test_the_same_template_is_the_same_commit(tmp_path: Path) -> None:
    template = tmp_path / "template"
    (template / "sub").mkdir(parents=True)
    (template / "main.py").write_text("1")
    (template / "sub/run").write_text("2")
    shas = []
    for mode, name in ((0o755, "one"), (0o600, "two")):
        (template / "sub/run").chmod(mode)
        (tmp_path / name).mkdir()
        shas.append(commit(template, tmp_path / name))
    assert shas[0] == shas[1]
    (template / "main.py").write_text("3")
    (tmp_path / "three").mkdir()
    assert commit(template, tmp_path / "three") != shas[0]
    assert git(tmp_path / "three", "log", "-1", "--format=%ae") == AUTHOR


def test_a_new_app_gets_storage_and_the_push(paths: Paths, control: FakeControl, sha: str) -> None:
    control.on("app.status", AppNotFound("no app hello"))
    control.on("app.add", {})
    control.on("storage.enable", {})
    control.on("app.status", status(sha, sha))
    hook = paths.repos / "hello.git/hooks/post-receive"
    hook.write_text("#!/bin/sh\necho live soon\n")
    hook.chmod(0o755)
    lines: list[str] = []
    _, how = run(paths, lines)
    assert how == "pushed"
    assert "live soon" in lines
    assert git(paths.repos / "hello.git", "rev-parse", "main") == sha


def test_a_live_demo_is_kept(paths: Paths, control: FakeControl, work: Path, sha: str) -> None:
    git(work, "push", "--quiet", str(paths.repos / "hello.git"), "main")
    control.on("app.status", status(sha, sha))
    assert run(paths)[1] == "kept"


def test_a_demo_that_was_pushed_and_is_not_live_is_deployed(
    paths: Paths, control: FakeControl, work: Path, sha: str
) -> None:
    git(work, "push", "--quiet", str(paths.repos / "hello.git"), "main")
    control.on("app.status", status(None, sha, state="failed"))
    control.on("deploy.start", {})
    control.on("app.status", status(sha, sha))
    assert run(paths)[1] == "deployed"


def test_the_demo_of_another_version_is_replaced(paths: Paths, control: FakeControl, sha: str) -> None:
    older = someone_elses_commit(paths, AUTHOR)
    git(paths.repos / "hello.git", "update-ref", "refs/heads/main", older)
    control.on("app.status", status(older, older))
    control.on("app.status", status(sha, sha))
    assert run(paths)[1] == "pushed"


def test_an_app_of_ones_own_is_left_alone(paths: Paths, control: FakeControl) -> None:
    mine = someone_elses_commit(paths)
    control.on("app.status", status(mine, mine))
    with pytest.raises(Conflict, match="your own"):
        run(paths)
    assert git(paths.repos / "hello.git", "for-each-ref") == ""


def test_an_app_that_was_removed_is_not_in_the_way(paths: Paths, control: FakeControl, sha: str) -> None:
    control.on("app.status", status(None, "a" * 40, state="failed"))
    control.on("app.status", status(sha, sha))
    assert run(paths)[1] == "pushed"


def test_a_push_that_does_not_go_live_is_an_error(paths: Paths, control: FakeControl, sha: str) -> None:
    hook = paths.repos / "hello.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    control.on("app.status", status(None, None, state="empty"))
    with pytest.raises(DeployFailed, match="push of the demo failed"):
        run(paths)
    hook.unlink()
    control.on("app.status", status(None, None, state="empty"))
    control.on("app.status", status(None, sha, state="failed"))
    with pytest.raises(DeployFailed, match="not live"):
        run(paths)


def test_another_error_of_the_daemon_is_passed_on(paths: Paths, control: FakeControl) -> None:
    control.on("app.status", NotFound("the journal is gone"))
    with pytest.raises(Exception, match="the journal is gone"):
        run(paths)
