"""Notes of which process runs a service: a pid that somebody else has by now is not it."""

import os
import signal
import threading
from pathlib import Path

import pytest

from deployhost.system import process_records
from deployhost.system.json_file import read_json, write_json

NOBODY = 2**22 + 1  # above the largest pid


def test_a_process_is_found_again(tmp_path: Path) -> None:
    record = tmp_path / "pid"
    process_records.note(record, os.getpid(), program="python")
    assert process_records.running(record) == os.getpid()
    assert read_json(record)["program"] == "python"


@pytest.mark.parametrize(
    "noted", [{}, {"pid": 0}, {"pid": "1"}, {"pid": -1}, {"pid": os.getpid()}, {"pid": os.getpid(), "start": "before"}]
)
def test_what_is_no_note_of_a_process_that_runs(tmp_path: Path, noted: dict[str, object]) -> None:
    write_json(tmp_path / "pid", noted)
    assert process_records.running(tmp_path / "pid") == 0


def test_a_process_that_was_gone_when_it_was_noted_does_not_run(tmp_path: Path) -> None:
    process_records.note(tmp_path / "pid", NOBODY)
    assert process_records.running(tmp_path / "pid") == 0


def test_where_there_is_no_note(tmp_path: Path) -> None:
    assert process_records.running(tmp_path / "pid") == 0


def test_a_process_that_is_gone_began_at_no_time() -> None:
    assert process_records.start_of(NOBODY) == ""
    assert process_records.start_of(os.getpid()) == process_records.start_of(os.getpid()) != ""


def test_a_pid_file_is_believed_if_the_program_has_that_name(tmp_path: Path) -> None:
    name = Path("/proc/self/comm").read_text().strip()
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")
    assert process_records.by_pidfile(tmp_path / "pid", name) == os.getpid()
    assert process_records.by_pidfile(tmp_path / "pid", "dockerd") == 0
    for text in ("", "no number", str(NOBODY)):
        (tmp_path / "pid").write_text(text)
        assert process_records.by_pidfile(tmp_path / "pid", name) == 0
    assert process_records.by_pidfile(tmp_path / "none", name) == 0


def test_a_directory_is_locked_by_one_at_a_time(tmp_path: Path) -> None:
    inside: list[str] = []

    def second() -> None:
        with process_records.locked(tmp_path):
            inside.append("second")

    waiting = threading.Thread(target=second)
    with process_records.locked(tmp_path):
        waiting.start()
        waiting.join(0.05)
        inside.append("first")
    waiting.join(5)
    assert inside == ["first", "second"]


def test_noted_processes_are_ended_all_but_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: ended.append((pid, number)))
    assert not process_records.any_noted(tmp_path)
    process_records.note(tmp_path / f"{os.getpid()}.json", os.getpid())
    process_records.note(tmp_path / f"{os.getppid()}.json", os.getppid())
    process_records.note(tmp_path / f"{NOBODY}.json", NOBODY)
    assert process_records.any_noted(tmp_path)
    process_records.end_noted(tmp_path, but=os.getpid())
    assert ended == [(os.getppid(), signal.SIGTERM)]
    assert not (tmp_path / f"{NOBODY}.json").exists()
