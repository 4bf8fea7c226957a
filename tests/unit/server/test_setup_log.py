"""The log of set-up: appended to, begun anew once it is large."""

import re
from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.server import setup_log
from deployhost.server.setup_log import SetupLog


def write(path: Path, line: str) -> str:
    log = SetupLog(path)
    log.line(line)
    log.close()
    return path.read_text()


def test_runs_follow_each_other_with_their_times(tmp_path: Path) -> None:
    path = tmp_path / "log/setup.log"
    write(path, "first")
    text = write(path, "second \udce9")
    assert re.fullmatch(r"\S+Z first\n\S+Z second \\udce9\n", text)


def test_a_large_one_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "setup.log"
    monkeypatch.setattr(setup_log, "LIMIT", 10)
    write(path, "first")
    assert write(path, "second").endswith("second\n")
    assert "first" not in path.read_text()


def test_where_it_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("")
    with pytest.raises(FileProblem):
        SetupLog(tmp_path / "log/setup.log")
