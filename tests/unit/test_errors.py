"""Errors: a stable code and an exit code each, and the same on both ends of the socket."""

import json
from typing import Any

import pytest

from deployhost import errors
from deployhost.errors import CommandFailed, DeployhostError, RemoteError

EXIT_CODES = {1, 2, 3, 4, 5, 70, 124, 130}


def every_error() -> list[type[DeployhostError]]:
    found, todo = [], [DeployhostError]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        found.append(kind)
    return [kind for kind in found if kind.__module__.startswith("deployhost.")]


KINDS = [kind for kind in every_error() if kind not in (DeployhostError, RemoteError)]


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in KINDS]
    assert sorted(codes) == sorted(set(codes))
    assert len(codes) > 15


@pytest.mark.parametrize("kind", KINDS)
def test_kind(kind: type[DeployhostError]) -> None:
    assert kind.code.isidentifier()
    assert kind.code == kind.code.lower()
    assert kind.exit_code in EXIT_CODES
    assert "code" in vars(kind), "a code of its own"
    assert kind.__doc__


def test_all_are_in_one_file() -> None:
    assert {kind.__module__ for kind in KINDS} == {errors.__name__}


@pytest.mark.parametrize("kind", KINDS)
def test_over_the_socket_and_back(kind: type[DeployhostError]) -> None:
    more: dict[str, Any] = {"status": 7} if kind is CommandFailed else {"process": "worker", "settings": "apps.yml …"}
    error = kind("what happened", hint="deployhost status", details=("one", "two"), **more)
    there = RemoteError(json.loads(json.dumps(error.to_json())))
    assert there.to_json() == error.to_json()
    assert (there.code, there.exit_code, str(there)) == (kind.code, kind.exit_code, "what happened")


def test_less_than_an_error() -> None:
    assert RemoteError({}).to_json() == {"code": "internal", "message": "", "hint": "", "details": [], "exit_code": 70}
