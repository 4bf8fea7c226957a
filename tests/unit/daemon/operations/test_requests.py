"""What is no request is refused, and said."""

from typing import Any

import pytest

from deployhost.errors import (
    DeployhostError,
    InvalidName,
    InvalidRequest,
)
from tests.fakes.assembled import Server, sha
from tests.fakes.operations import Operations

ONE = sha(1)


BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "no name": ("app.status", {"name": 7}),
    "a number for a text": ("push", {"app": "shop", "ref": 1}),
    "no values": ("env.set", {"name": "shop"}),
    "a value that is no text": ("env.set", {"name": "shop", "values": {"A": 1}}),
    "a text for a list": ("domains.add", {"name": "shop", "domains": "x.example.com"}),
    "a truth for a number": ("deploys.list", {"name": "shop", "limit": True}),
    "a number that no database takes": ("logs", {"name": "shop", "deploy": 10**20}),
    "a negative number": ("logs", {"name": "shop", "lines": -1}),
    "a bad variable": ("env.set", {"name": "shop", "values": {"A-B": "1"}}),
    "a reserved variable": ("env.set", {"name": "shop", "values": {"KAMAL_X": "1"}}),
    "a bad domain": ("domains.add", {"name": "shop", "domains": ["UPPER.example.com"]}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests(server: Server, ops: Operations, case: str) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    op, arguments = BAD[case]
    with pytest.raises((InvalidRequest, InvalidName)) as failed:
        ops.ask(op, **arguments)
    assert isinstance(failed.value, DeployhostError)
    assert failed.value.exit_code == 2
