"""A server on fakes."""

from pathlib import Path

import pytest

from tests.assembled import Server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(tmp_path, monkeypatch)
