"""The daemon's operations on a server of fakes, without and with its socket."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.assembled import Server
from tests.fakes.operations import Operations


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    # Not tmp_path: the path of a unix socket has at most 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="dh"))
    yield Server(directory, monkeypatch)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def ops(server: Server) -> Iterator[Operations]:
    operations = Operations(server)
    yield operations
    operations.close()
