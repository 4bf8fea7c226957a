"""Fixtures: a root of our own with a scripted daemon in it, and the command run in this process."""

import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployhost.cli.main import main
from deployhost.paths import Paths
from tests.fakes.control import FakeControl


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return standard output as the one JSON document that it must be."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Not tmp_path: the path of a unix socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dh") as directory:
        monkeypatch.setenv("DEPLOYHOST_ROOT", directory)
        monkeypatch.delenv("NO_COLOR", raising=False)
        yield Path(directory)


@pytest.fixture
def control(root: Path) -> Iterator[FakeControl]:
    fake = FakeControl(Paths(root).control_socket)
    try:
        yield fake
        fake.check()
    finally:
        fake.close()


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
