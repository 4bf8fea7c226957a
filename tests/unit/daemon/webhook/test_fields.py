"""The fields that are read from a delivery's body are those that Python's own parser finds."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.daemon.webhook.fields import LARGEST, MOST, OBJECTS, TEXTS, fields_of

NOTHING = {"action": "", "ref": "", "after": "", "repository": None, "installation": None}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.just("id"), inner, max_size=4),
    max_leaves=10,
)


def expected(body: dict[str, Any]) -> dict[str, Any]:
    found = dict(NOTHING)
    for name, longest in TEXTS.items():
        value = body.get(name)
        found[name] = value if isinstance(value, str) and len(value) <= longest else ""
    for name in OBJECTS:
        value = body.get(name)
        if isinstance(value, dict) and type(value.get("id")) is int:
            found[name] = value["id"]
    return found


def test_a_push() -> None:
    body = {
        "ref": "refs/heads/ä🚀",
        "after": "a" * 40,
        "commits": [{"message": "x"}, {}],
        "repository": {"id": 1, "name": "é"},
    }
    for text in (json.dumps(body), json.dumps(body, ensure_ascii=False), json.dumps(body, indent=4)):
        assert fields_of(text.encode()) == NOTHING | {"ref": "refs/heads/ä🚀", "after": "a" * 40, "repository": 1}


@given(
    st.dictionaries(st.sampled_from([*TEXTS, *OBJECTS, "commits", ""]), JSON), st.booleans(), st.sampled_from([None, 2])
)
def test_what_pythons_own_parser_finds(body: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(body, ensure_ascii=ascii_only, indent=indent)
    assert fields_of(text.encode("utf-8", "surrogatepass" if not ascii_only else "strict")) == expected(body)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\ \n1ateuflsn', max_size=40).map(str.encode))
def test_what_is_no_object_is_none(body: bytes) -> None:
    try:
        parsed = json.loads(body.decode("latin-1"))
    except (ValueError, RecursionError):
        parsed = None
    assert (fields_of(body) is not None) == isinstance(parsed, dict)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"a":1', b'{"a":1,}', b"{}x", b'{"a" 1}', b"{1:2}", b"[" * 100_000, b'{"a":' * 50_000]
)
def test_broken(body: bytes) -> None:
    assert fields_of(body) is None


def test_a_member_that_is_too_large_is_as_one_that_is_missing() -> None:
    body = json.dumps({"repository": {"id": 1, "description": "x" * LARGEST}, "ref": "y" * 256}).encode()
    assert fields_of(body) == NOTHING


def test_an_array_of_more_elements_than_any_event_has_is_refused() -> None:
    assert fields_of(json.dumps({"commits": [0] * MOST}).encode()) == NOTHING
    assert fields_of(json.dumps({"commits": [0] * (MOST + 1)}).encode()) is None


def test_a_large_body_takes_little_more_than_itself() -> None:
    commit = {"id": "a" * 40, "message": "🚀 " + "text " * 200, "added": [f"src/{number}" for number in range(60)]}
    body = json.dumps({"commits": [commit] * 1500, "repository": {"id": 9}}, ensure_ascii=False).encode()
    tracemalloc.start()
    try:
        assert fields_of(body) == NOTHING | {"repository": 9}
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1.2 * len(body)
