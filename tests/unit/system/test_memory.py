"""malloc's arenas."""

import ctypes
from types import SimpleNamespace

import pytest

from deployhost.system.memory import use_few_arenas


def test_few_arenas(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=lambda *what: asked.append(what)))
    use_few_arenas()
    assert asked == [(-8, 2)]


def test_another_libc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    use_few_arenas()
