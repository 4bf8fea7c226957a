"""Lines of the control socket."""

import pytest

from deployhost.control.messages import decode, encode


@pytest.mark.parametrize("message", [{}, {"op": "push", "name": "é\n"}, {"result": {"a": [1, None, "\udce9"]}}])
def test_a_message_is_one_line(message: dict[str, object]) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message


@pytest.mark.parametrize("line", [b"", b"[]", b"null", b"{", b'{"a": \xff}', b"[" * 200_000])
def test_what_is_no_message(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - one kind for every bad line
        decode(line)
