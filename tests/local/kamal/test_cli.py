"""Running Kamal's command, on a script in its place: its environment, its exit code, the lock it runs under, what it leaves."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployhost.errors import CommandFailed, Conflict, KamalUnavailable
from deployhost.kamal import cli, installation, registry
from deployhost.kamal.cli import KamalCli, KamalContext
from deployhost.kamal.lock import KamalLocks
from deployhost.model import AppName, Version
from deployhost.paths import Paths
from deployhost.system import files

APP, VERSION = AppName("blog"), Version("a" * 40)
KAMAL = """#!{python}
import os, pathlib, sys
pathlib.Path("seen").write_text("\\n".join([repr(sys.argv[1:]), *sorted(f"{{k}}={{v}}" for k, v in os.environ.items())]))
pathlib.Path("lock").write_text(str(os.path.isdir("{lock}")))
pathlib.Path(os.environ["TMPDIR"], "unpacked").write_text("x")
{then}
"""


class Place:
    """A tree of our own with a program in Kamal's place."""

    def __init__(self, root: Path) -> None:
        self.paths, self.project = Paths(root), root / "project"
        for directory in (self.project, self.paths.bin, self.paths.kamal, self.paths.ssh):
            directory.mkdir(parents=True)
        self.said: list[str] = []
        self.tell: Callable[[str], None] = self.said.append
        self.program("")

    def program(self, then: str) -> None:
        text = KAMAL.format(python=sys.executable, lock=self.paths.kamal / "lock-blog", then=then)
        self.paths.kamal_program.write_text(text)
        self.paths.kamal_program.chmod(0o755)

    def run(self, *arguments: str) -> int:
        run = KamalContext(APP, self.project, VERSION, {"TERM": "dumb"})
        return KamalCli(self.paths, self.tell).run(run, arguments)

    def saw(self) -> dict[str, str]:
        _, *lines = (self.project / "seen").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def locked(self) -> bool:
        """Return whether the app's lock was held while the program ran."""
        return (self.project / "lock").read_text() == "True"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_kamal_gets_its_own_environment_and_nothing_of_ours(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_OURS", "x")
    assert place.run("app", "details") == 0
    seen = place.saw()
    seen.pop("LC_CTYPE", None)  # Python's own
    temporary = Path(seen.pop("TMPDIR"))
    assert temporary.parent == place.paths.kamal_temporary
    assert not temporary.exists(), "what it unpacked goes with it"
    expected = {**installation.environment(place.paths), "VERSION": VERSION, "TERM": "dumb"}
    del expected["TMPDIR"]
    assert seen == expected
    assert not place.locked
    assert (place.project / "seen").read_text().startswith("['app', 'details']")


def test_what_changes_the_app_runs_under_our_hold_of_its_lock(place: Place) -> None:
    assert place.run("app", "stop") == 0
    assert place.locked
    assert place.saw()["KAMAL_LOCK"] == "true"
    assert KamalLocks(place.paths.kamal).read(APP) is None, "and it is free again"


def test_it_waits_for_whoever_holds_the_lock_and_says_for_whom(place: Place) -> None:
    held, released = threading.Event(), threading.Event()

    def deploy() -> None:
        with KamalLocks(place.paths.kamal).held(APP, VERSION, patience=1, waiting=place.said.append):
            held.set()
            released.wait(10)

    other = threading.Thread(target=deploy)
    other.start()
    held.wait(10)
    assert place.run("app", "details") == 0, "what only looks does not wait"
    assert place.said == []

    def tell(line: str) -> None:
        place.said.append(line)
        released.set()

    place.tell = tell
    assert place.run("app", "stop") == 0
    other.join(10)
    assert "waiting for Kamal's lock on blog: Locked by: deployhost" in place.said[0]
    assert place.locked


def test_a_lock_that_stays_held_is_a_conflict(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "PATIENCE", 0.0)
    (place.paths.kamal / "lock-blog").mkdir()
    with pytest.raises(Conflict, match="lock on blog is held"):
        place.run("deploy")
    assert not (place.project / "seen").exists()


def test_what_pushes_holds_collections_off(place: Place, tmp_path: Path) -> None:
    place.program(
        "import fcntl\n"
        f"held = os.open('{place.paths.state / registry.LOCK}', os.O_RDWR)\n"
        "try: fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except BlockingIOError: sys.exit(7)"
    )
    assert place.run("deploy") == 7


@pytest.mark.parametrize(("then", "code"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 15)", 143)])
def test_the_exit_code_is_kamals(place: Place, then: str, code: int) -> None:
    place.program(then)
    assert place.run("app", "stop") == code
    assert KamalLocks(place.paths.kamal).read(APP) is None


def test_a_program_that_can_not_be_started(place: Place) -> None:
    place.project.rmdir()
    with pytest.raises(CommandFailed):
        place.run("version")


def test_what_a_killed_run_left_goes_after_a_day(place: Place) -> None:
    old, young = (place.paths.kamal_temporary / name for name in ("old", "young"))
    for directory in (old, young):
        directory.mkdir(parents=True)
    os.utime(old, (time.time() - 2 * cli.LEFT_AFTER,) * 2)
    place.run("version")
    assert [path.name for path in place.paths.kamal_temporary.iterdir()] == ["young"]


def test_ctrl_c_is_for_kamal_to_answer(place: Place) -> None:
    place.program("import signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(0.1)\nsys.exit(5)")
    assert place.run("app", "logs") == 5, "we go on until it has ended"


def test_parts_that_are_missing_are_named_with_what_mends_them(place: Place) -> None:
    place.paths.kamal_program.unlink()
    with pytest.raises(KamalUnavailable, match="not installed") as caught:
        installation.check(place.paths, 1)
    assert caught.value.hint == "deployhost setup --kamal"
    place.program("")
    place.paths.ssh_key.write_text("key")
    with pytest.raises(KamalUnavailable, match=r"SSH server for Kamal does not answer on 127\.0\.0\.1:1$"):
        installation.check(place.paths, 1)


def test_locks_that_are_shared_exclude_only_one_that_is_not(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with (
        files.lock(path, timeout=0, shared=True),
        files.lock(path, timeout=0, shared=True),
        pytest.raises(Conflict),
        files.lock(path, timeout=0),
    ):
        pass
    with files.lock(path, timeout=0), pytest.raises(Conflict), files.lock(path, timeout=0, shared=True):
        pass
