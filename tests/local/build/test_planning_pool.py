"""The processes that plan: what they answer, and what a hostile repository, a kill or a cancel costs."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.build.planning_pool import PlanningPool, start_process
from deployhost.build.planning_process import plan_directory
from deployhost.errors import BuildFailed, CommandStopped, FileProblem, LanguageNotBuilt, NothingRecognised
from deployhost.model import AppName, RuntimeName
from deployhost.system.answering_process import AnsweringProcess
from deployhost.system.stop import Stop
from tests.fakes.hostile_planner import ROOT, directory, hostile

SAMPLES = sorted(path for path in (ROOT / "tests/apps").iterdir() if path.is_dir())
SHOP = AppName("shop")


@pytest.fixture
def planner() -> Iterator[PlanningPool]:
    made = PlanningPool(hostile, seconds=2)
    yield made
    made.end()


def runtime(planner: PlanningPool, path: Path, stop: Stop | None = None) -> str:
    return planner.plan(path, SHOP, storage=None, variables={}, stop=stop).runtime


def test_it_answers_what_planning_here_does() -> None:
    planner = PlanningPool()
    try:
        for path in SAMPLES:
            for storage, variables in ((False, {}), (True, {"DATABASE": "/storage/a.db"})):
                here = plan_directory(path, SHOP, storage=storage, variables=variables)
                assert planner.plan(path, SHOP, storage=storage, variables=variables) == here
                if here.runtime == "static":
                    static = planner.plan(path, SHOP, storage=storage, variables=variables, runtime=RuntimeName.STATIC)
                    assert static == here
    finally:
        planner.end()


def test_what_apps_yml_says_reaches_it(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("")
    (tmp_path / "Procfile").write_text("worker: python bot.py\n")
    (tmp_path / "bot.py").write_text("")
    (tmp_path / "config.php").write_text("<?php")
    planner = PlanningPool()
    try:
        with pytest.raises(LanguageNotBuilt):
            runtime(planner, tmp_path)
        with pytest.raises(NothingRecognised, match="only worker"):
            planner.plan(tmp_path, SHOP, storage=None, variables={}, runtime=RuntimeName.STATIC)
        plan = planner.plan(tmp_path, SHOP, storage=None, variables={}, runtime=RuntimeName.STATIC, web=True)
        assert plan.runtime == "static"
    finally:
        planner.end()


def test_errors_are_what_they_were(planner: PlanningPool, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(NothingRecognised) as here:
        plan_directory(empty, SHOP, storage=None, variables={})
    with pytest.raises(NothingRecognised) as there:
        runtime(planner, empty)
    assert there.value.to_json() == here.value.to_json()
    with pytest.raises(FileProblem):
        runtime(planner, tmp_path / "missing")


@pytest.mark.parametrize(
    ("name", "said"),
    [("sleeps", "too long"), ("eats", "too much memory"), ("dies", "can't be understood"), ("floods", "can't be")],
)
def test_hostile_files_cost_their_own_build(planner: PlanningPool, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(BuildFailed, match=said):
        runtime(planner, directory(tmp_path, name))
    assert runtime(planner, directory(tmp_path, "good")) == "static"


def test_a_defect_is_told(planner: PlanningPool, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="a defect of deployhost: ValueError"):
        runtime(planner, directory(tmp_path, "breaks"))
    assert "ValueError: broken" in capfd.readouterr().err


def test_what_it_prints_is_no_answer(planner: PlanningPool, tmp_path: Path) -> None:
    assert runtime(planner, directory(tmp_path, "talks")) == "static"


def test_one_that_is_frozen_blocks_nobody_else(tmp_path: Path) -> None:
    planner, stop = PlanningPool(hostile, seconds=20), Stop()
    ended: list[BaseException] = []

    def freeze() -> None:
        try:
            runtime(planner, directory(tmp_path, "sleeps"), stop)
        except CommandStopped as error:
            ended.append(error)

    threads = [threading.Thread(target=freeze) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert [runtime(planner, directory(tmp_path, "good")) for _ in range(3)] == ["static"] * 3
    assert ended == []
    began = time.monotonic()
    stop.set()
    for thread in threads:
        thread.join(5)
    assert len(ended) == 2
    assert time.monotonic() - began < 1
    planner.end()


def test_a_wish_made_before_is_felt(planner: PlanningPool, tmp_path: Path) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(CommandStopped):
        runtime(planner, directory(tmp_path, "good"), stop)


def test_more_at_once_than_processes(planner: PlanningPool, tmp_path: Path) -> None:
    started: list[AnsweringProcess] = []

    def start() -> AnsweringProcess:
        started.append(hostile())
        return started[-1]

    many = PlanningPool(start, seconds=10)
    good, found = directory(tmp_path, "good"), list[str]()
    threads = [threading.Thread(target=lambda: found.append(runtime(many, good))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == ["static"] * 12
    assert len(started) <= 4
    assert len(many._idle) == 1
    many.end()


def test_one_that_was_killed_is_replaced(tmp_path: Path) -> None:
    started: list[AnsweringProcess] = []

    def start() -> AnsweringProcess:
        started.append(hostile())
        return started[-1]

    planner, good = PlanningPool(start), directory(tmp_path, "good")
    assert runtime(planner, good) == "static"
    os.kill(started[0].pid, signal.SIGKILL)
    assert runtime(planner, good) == "static"
    assert len(started) == 2
    planner.end()


def test_it_is_not_taken_for_worn_because_we_are_large(tmp_path: Path) -> None:
    """What a process had before exec(2) counts in its ru_maxrss."""
    started: list[AnsweringProcess] = []

    def start() -> AnsweringProcess:
        held = b"x" * (300 * 1024 * 1024)
        started.append(hostile())
        del held
        return started[-1]

    planner, good = PlanningPool(start), directory(tmp_path, "good")
    assert [runtime(planner, good) for _ in range(3)] == ["static"] * 3
    assert len(started) == 1
    planner.end()


def test_it_gets_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    read, write = os.pipe()
    os.set_inheritable(write, True)
    partner = start_process()
    try:
        proc = Path(f"/proc/{partner.pid}")
        assert b"SECRET" not in (proc / "environ").read_bytes()
        held = []
        for one in (proc / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # what it only reads while it starts is closed by then
                held.append(str(one.readlink()))
        assert str(os.fstat(write).st_ino) not in " ".join(held)
    finally:
        partner.end()
        os.close(read)
        os.close(write)
