"""Real pushes with real git into a repository with our hook: exit codes, and where the refs are afterwards."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployhost.apps.repositories import Repositories
from deployhost.config.current import Apps
from deployhost.control.messages import Message
from deployhost.daemon.control import ControlServer, Emit
from deployhost.deploy.push_plan import PushKind, judge_push
from deployhost.errors import DeployhostError
from deployhost.journal.database import Database
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.model import AppName, Branch, Sha
from deployhost.paths import Paths
from deployhost.system.git import BareRepository
from deployhost.system.git_fetch import LARGEST
from tests.fakes.assembled import wait_until

SHOP, MAIN = AppName("shop"), Branch("main")


class Daemon:
    """Answers pushes as deployhostd does; `verdict` is how the deploys end, `hold` keeps them from ending."""

    def __init__(self, paths: Paths, repository: BareRepository) -> None:
        self.repository = repository
        self.verdict = "live"
        self.branch: Branch | None = MAIN
        self.deployed: list[str] = []
        self.asked: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self._server = ControlServer(paths.control_socket, {"push": self.push})
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            self._server.serve()

    def push(self, request: Message, emit: Emit) -> Message:
        self.asked.append(request["ref"])
        judged = judge_push(request["app"], self.branch, request["ref"], request["new"])
        if judged.kind is PushKind.KEEP:
            emit({"event": "note", "text": judged.says})
            return {"outcome": "ok", "message": judged.says, "fall_through": True, "deploy": None}
        if judged.branch is None:
            return {"outcome": "ng", "message": judged.says, "deploy": None}
        # What was pushed can be read before the hook has answered: the build needs it.
        commit = self.repository.commit(Sha(request["new"]))
        with contextlib.suppress(Exception):
            emit({"event": "stage", "stage": "build", "state": "done", "ms": 12.0, "detail": commit.subject})
        self.hold.wait(10)
        if self.verdict == "live":
            self.repository.move_branch(judged.branch, commit.sha)
            self.branch = judged.branch
            self.deployed.append(commit.sha)
            return {"outcome": "ok", "message": "live", "deploy": None}
        return {"outcome": "ng", "message": f"deploy failed: {self.verdict}", "deploy": None}

    def close(self) -> None:
        self.hold.set()
        self._server._socket.shutdown(2)
        self._thread.join(5)
        self._server._socket.close()


@dataclass
class Clone:
    """The pusher's own repository."""

    tree: Path
    remote: Path

    def git(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["git", *arguments],
            cwd=self.tree,
            env=environment(),
            text=True,
            capture_output=True,
            check=check,
            timeout=20,
        )

    def commit(self, text: str) -> str:
        (self.tree / "file").write_text(text)
        self.git("add", "file")
        self.git("commit", "--quiet", "--message", text)
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.git("push", str(self.remote), *arguments, check=False)

    def refs(self) -> dict[str, str]:
        """Return where the server's refs are."""
        lines = self.git("ls-remote", str(self.remote)).stdout.splitlines()
        return {ref: sha for sha, _, ref in (line.partition("\t") for line in lines) if ref != "HEAD"}


def environment() -> dict[str, str]:
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A"), ("EMAIL", "a@b"))
    }
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "LC_ALL": "C.UTF-8",
        **who,
    }


@pytest.fixture
def paths() -> Iterator[Paths]:
    # Not tmp_path: the path of a unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dh") as directory:
        yield Paths(Path(directory))


@pytest.fixture
def repositories(paths: Paths) -> Iterator[Repositories]:
    database = Database(paths.journal)
    yield Repositories(
        paths=paths,
        apps=Apps(paths.apps_yml),
        removals=Removals(database),
        releases=Releases(database, lambda: 0.0),
        repository=BareRepository,
    )
    database.close()


@pytest.fixture
def repository(paths: Paths, repositories: Repositories) -> BareRepository:
    repositories.add(SHOP, None, ())
    return BareRepository(paths.repo(SHOP))


@pytest.fixture
def daemon(paths: Paths, repository: BareRepository) -> Iterator[Daemon]:
    daemon = Daemon(paths, repository)
    yield daemon
    daemon.close()


@pytest.fixture
def clone(paths: Paths, repository: BareRepository) -> Clone:
    tree = paths.root / "clone"
    tree.mkdir()
    clone = Clone(tree, repository.path)
    clone.git("init", "--quiet", "--initial-branch=main")
    clone.commit("one")
    return clone


def test_live(daemon: Daemon, clone: Clone) -> None:
    sha = clone.git("rev-parse", "HEAD").stdout.strip()
    pushed = clone.push("main")
    assert pushed.returncode == 0, pushed.stderr
    assert clone.refs() == {"refs/heads/main": sha}
    assert "remote:   build    0.01 s  one" in pushed.stderr
    again = clone.push("main")
    assert "Everything up-to-date" in again.stderr
    assert daemon.deployed == [sha]


def test_failed(daemon: Daemon, clone: Clone) -> None:
    """Exit code 1, the cause in the output, and the ref stays: so the same commit can be pushed again."""
    daemon.verdict = "it crashed"
    failed = clone.push("main")
    assert failed.returncode == 1
    assert "(deploy failed: it crashed)" in failed.stderr
    assert clone.refs() == {}
    daemon.verdict = "live"
    assert clone.push("main").returncode == 0
    assert len(daemon.deployed) == 1


def test_first_push_adopts_the_usual_branch(daemon: Daemon, clone: Clone) -> None:
    daemon.branch = None
    clone.git("branch", "develop")
    assert clone.push("--all").returncode == 0
    assert daemon.branch == "main"
    assert set(clone.refs()) == {"refs/heads/main", "refs/heads/develop"}


def test_other_refs_are_gits(daemon: Daemon, clone: Clone) -> None:
    clone.push("main")
    clone.git("tag", "--annotate", "--message", "x", "v1")
    clone.git("branch", "idea")
    pushed = clone.push("idea", "v1")
    assert pushed.returncode == 0, pushed.stderr
    assert "branch idea is kept; shop deploys main" in pushed.stderr
    assert "tag v1 is kept" in pushed.stderr
    assert {"refs/heads/idea", "refs/tags/v1"} < set(clone.refs())
    assert clone.push(":idea", ":v1").returncode == 0
    assert set(clone.refs()) == {"refs/heads/main"}
    assert len(daemon.deployed) == 1


def test_deleting_its_branch(daemon: Daemon, clone: Clone) -> None:
    clone.push("main")
    before = clone.refs()
    refused = clone.push(":main")
    assert refused.returncode == 1
    assert "removes the app" in refused.stderr
    assert clone.refs() == before


def test_force(daemon: Daemon, clone: Clone) -> None:
    clone.push("main")
    clone.git("commit", "--quiet", "--amend", "--message", "another")
    sha = clone.git("rev-parse", "HEAD").stdout.strip()
    assert clone.push("main").returncode == 1, "git itself refuses it without force"
    assert clone.push("--force", "main").returncode == 0
    assert clone.refs()["refs/heads/main"] == sha


def test_several_refs_at_once(daemon: Daemon, clone: Clone) -> None:
    """Each for itself: what fails does not keep the others."""
    daemon.verdict = "it crashed"
    clone.git("tag", "v1")
    pushed = clone.push("main", "v1")
    assert pushed.returncode == 1
    assert set(clone.refs()) == {"refs/tags/v1"}


def test_atomic(daemon: Daemon, clone: Clone) -> None:
    """All or nothing."""
    daemon.verdict = "it crashed"
    clone.git("tag", "v1")
    pushed = clone.push("--atomic", "main", "v1")
    assert pushed.returncode == 1, pushed.stderr
    assert clone.refs() == {}
    daemon.verdict = "live"
    assert clone.push("--atomic", "main", "v1").returncode == 0
    assert set(clone.refs()) == {"refs/heads/main", "refs/tags/v1"}


def test_tag_object_is_no_branch(daemon: Daemon, clone: Clone) -> None:
    """git lets a tag object through to a branch where there is a hook like ours."""
    clone.git("tag", "--annotate", "--message", "x", "v1")
    pushed = clone.push("v1:refs/heads/main")
    assert pushed.returncode == 1
    assert "is a tag, not a commit" in pushed.stderr
    assert clone.refs() == {}


def test_interrupted(daemon: Daemon, clone: Clone) -> None:
    """Ctrl-C ends the push, not the deploy."""
    daemon.hold.clear()
    push = subprocess.Popen(
        ["git", "push", str(clone.remote), "main"], cwd=clone.tree, env=environment(), stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    wait_until(lambda: bool(daemon.asked))
    os.killpg(push.pid, signal.SIGINT)
    push.communicate(timeout=10)
    assert push.returncode != 0
    assert clone.refs() == {}
    daemon.hold.set()
    wait_until(lambda: bool(daemon.deployed))
    assert list(clone.refs()) == ["refs/heads/main"]
    assert "Everything up-to-date" in clone.push("main").stderr


def test_no_daemon(clone: Clone, repository: BareRepository) -> None:
    hook = repository.path / "hooks" / "proc-receive"
    text = hook.read_text()
    hook.write_text(
        text.replace(
            "from deployhost.control.hook import main",
            "from deployhost.control import hook, pushing; pushing.FIRST_PATIENCE = 0; main = hook.main",
        )
    )
    pushed = clone.push("main")
    assert pushed.returncode == 1
    assert "deployhostd is not running" in pushed.stderr
    assert clone.refs() == {}


# The repository itself


def test_repository_is_ours_alone(paths: Paths, repository: BareRepository) -> None:
    assert paths.repos.stat().st_mode & 0o777 == 0o700
    hook = repository.path / "hooks" / "proc-receive"
    assert hook.stat().st_mode & 0o111
    assert " -IS\n" in hook.read_text()


def test_git_itself_is_bounded_and_replaces_nothing(repository: BareRepository, clone: Clone) -> None:
    """What serves a push is not started by us, so its limits are the repository's own settings."""

    def setting(name: str) -> str:
        return clone.git(f"--git-dir={repository.path}", "config", "--get", name).stdout.strip()

    assert setting("receive.maxInputSize") == f"{LARGEST // 1024**2}m"
    assert setting("core.useReplaceRefs") == "false"
    clone.git(f"--git-dir={repository.path}", "config", "receive.maxInputSize", "100")
    pushed = clone.push("main")
    assert pushed.returncode != 0
    assert "exceeds maximum allowed size" in pushed.stderr


def test_ensured_again(repositories: Repositories, repository: BareRepository, daemon: Daemon, clone: Clone) -> None:
    """Run at each start: what was pushed stays, what was changed by hand is put right, what is right is not touched."""
    clone.push("main")
    hook = repository.path / "hooks" / "proc-receive"
    before = hook.stat().st_ino
    repositories.refresh()
    assert hook.stat().st_ino == before
    hook.write_text("#!/bin/sh\nexit 0\n")
    subprocess.run(["git", "config", "--add", "receive.procReceiveRefs", "refs/heads"], cwd=repository.path, check=True)
    repositories.refresh()
    assert "deployhost" in hook.read_text()
    assert list(clone.refs()) == ["refs/heads/main"]


def test_error_of_the_daemon(daemon: Daemon, clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Message:
        raise DeployhostError("something is wrong")

    monkeypatch.setitem(daemon._server._handlers, "push", refuse)
    pushed = clone.push("main")
    assert pushed.returncode == 1
    assert "(something is wrong)" in pushed.stderr
