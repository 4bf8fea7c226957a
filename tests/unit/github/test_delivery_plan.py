"""What a delivery asks us to look at; and no line that a taken-over listener could write does anything else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.github.delivery_plan import HIGHEST_ID, LONGEST, Delivery, LookAt, delivery_of, what_to_look_at

CONNECTION = "0123456789abcdef"
PUSH: dict[str, Any] = {
    "connection": CONNECTION,
    "event": "push",
    "delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "action": "",
    "ref": "refs/heads/main",
    "after": "a" * 40,
    "repository": 17,
    "installation": 3,
}


def look(**changes: Any) -> LookAt | None:
    delivery = delivery_of(json.dumps(PUSH | changes).encode())
    assert delivery is not None
    return what_to_look_at(delivery)


def test_a_push_to_a_branch() -> None:
    assert delivery_of(json.dumps(PUSH).encode()) == Delivery(**PUSH)
    assert look() == LookAt(CONNECTION, 17, "refs/heads/main", "a" * 40)


def test_a_branch_that_is_deleted_is_looked_at_too() -> None:
    assert look(after="0" * 40) == LookAt(CONNECTION, 17, "refs/heads/main", "0" * 40)


@pytest.mark.parametrize(
    "changes",
    [
        {"ref": "refs/tags/v1"},
        {"ref": ""},
        {"repository": None},
        {"event": "ping"},
        {"event": "pull_request", "action": "opened"},
        {"event": "repository", "action": "created"},
        {"event": "github_app_authorization", "action": "revoked"},
    ],
)
def test_what_is_nothing_to_look_at(changes: dict[str, Any]) -> None:
    assert look(**changes) is None


@pytest.mark.parametrize("action", ["renamed", "transferred", "deleted", "archived", "edited", "privatized"])
def test_a_repository_that_changed(action: str) -> None:
    assert look(event="repository", action=action, ref="", after="") == LookAt(CONNECTION, 17)


@pytest.mark.parametrize("event", ["installation", "installation_repositories", "installation_target"])
def test_all_of_a_connection(event: str) -> None:
    assert look(event=event, action="suspend", ref="", after="", repository=None) == LookAt(CONNECTION, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"connection": "../../etc/passwd"},
        {"connection": "0123456789ABCDEF"},
        {"connection": None},
        {"event": "push\n"},
        {"event": "p" * 41},
        {"delivery": ""},
        {"delivery": "a b"},
        {"ref": "refs/heads/a b"},
        {"ref": "refs/heads/\x00"},
        {"ref": "refs/heads/" + "a" * 250},
        {"ref": ["refs/heads/main"]},
        {"after": "a" * 39},
        {"after": "A" * 40},
        {"repository": True},
        {"repository": "17"},
        {"repository": 17.0},
        {"repository": 0},
        {"repository": -1},
        {"repository": HIGHEST_ID},
        {"installation": {}},
        {"more": 1},
    ],
)
def test_what_is_no_delivery(changes: dict[str, Any]) -> None:
    assert delivery_of(json.dumps(PUSH | changes).encode()) is None


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"null", b"{", b"\xff", b"[" * 4000, b'"' + b"a" * LONGEST])
def test_what_is_no_object(line: bytes) -> None:
    assert delivery_of(line) is None


def test_a_field_that_is_missing() -> None:
    for name in PUSH:
        assert delivery_of(json.dumps({key: value for key, value in PUSH.items() if key != name}).encode()) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.binary(max_size=300) | st.dictionaries(st.sampled_from([*PUSH, "x"]), JSON).map(lambda one: json.dumps(PUSH | one).encode()))  # fmt: skip
def test_hostile_lines(line: bytes) -> None:
    delivery = delivery_of(line)
    if delivery is None:
        return
    assert len(delivery.connection) == 16
    assert len(delivery.ref) <= 255
    wanted = what_to_look_at(delivery)
    assert wanted is None or wanted.connection == delivery.connection
