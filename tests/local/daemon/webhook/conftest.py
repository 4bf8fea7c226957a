"""A server whose daemons keep a listener."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.paths import Paths
from tests.real.listener import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    # The name of a unix socket has at most 107 bytes.
    monkeypatch.chdir(tmp_path)
    machine = Machine(Paths(Path()))
    yield machine
    machine.end()
