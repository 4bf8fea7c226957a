"""Patterns in substitutions, and what a hostile one costs."""

import pytest

from deployhost.build.sources.shell_patterns import replaced, trimmed


@pytest.mark.parametrize(
    ("value", "pattern", "short", "long"),
    [
        ("a.b.c", "*.", "b.c", "c"),
        ("abc", "?", "bc", "bc"),
        ("abc", "", "abc", "abc"),
        ("abc", "x*", "abc", "abc"),
        ("*b", r"\*", "b", "b"),
        ("a(b", "a(", "b", "b"),
    ],
)
def test_a_beginning_is_taken_off(value: str, pattern: str, short: str, long: str) -> None:
    assert trimmed(value, pattern, end=False, greedy=False) == short
    assert trimmed(value, pattern, end=False, greedy=True) == long


def test_an_end_is_taken_off() -> None:
    assert trimmed("a.b.c", ".*", end=True, greedy=False) == "a.b"
    assert trimmed("a.b.c", ".*", end=True, greedy=True) == "a"
    assert trimmed("ab*", r"b\*", end=True, greedy=False) == "a"


def test_a_match_is_replaced() -> None:
    assert replaced("a-b-c", "-", "/", every=False) == "a/b-c"
    assert replaced("a-b-c", "-?", "", every=True) == "a"
    assert replaced("abc", "*", "x", every=True) == "x"


@pytest.mark.parametrize("pattern", ["\\a", "a\\", "x" * 1000])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        trimmed("abc", pattern, end=False, greedy=False)


def test_a_hostile_pattern_costs_no_more_than_another() -> None:
    """A regular expression would try every way to share the letters out among the stars."""
    assert trimmed("a" * 1000, "*a" * 60 + "b", end=False, greedy=False) == "a" * 1000
    with pytest.raises(ValueError, match="too long"):
        replaced("a" * 1000, "*a" * 60 + "b", "", every=True)
