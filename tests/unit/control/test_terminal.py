"""Text of others on a terminal: it may be coloured, and that is all."""

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.control.terminal import coloured, escaped, json_escaped, plain

SOME = st.text() | st.text("\x1b[]0;m\r\n\x07ab\\\x9b\u202e\u2066", max_size=20)
# What no line may hold: it acts on the terminal, turns letters round, or can't be seen.
ACTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain\ttext", "plain\ttext"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", "textlink"),
        (" 10%\r 50%\r100%\r", "100%"),
        ("a\x00b\x08c\x9b2Jd\u202e", "a\\x00b\\x08c\\x9b2Jd\\u202e"),
        ("cut\x1b", "cut"),
        ("\u3053\u3093 \U0001f468\u200d\U0001f469 \xa0e\u0301", "\u3053\u3093 \U0001f468\u200d\U0001f469 \xa0e\u0301"),
    ],
)
def test_output_can_not_act_on_the_terminal(line: str, shown: str) -> None:
    assert plain(line) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("main", "main"),
        ("v1\x1b[2J\x9b2J", "v1\\x9b2J"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("two\nlines\tand\rmore", "two\\nlines\\tand\\rmore"),
        ("\U000e0041\u200b\ufeff\xad", "\\U000e0041\\u200b\\ufeff\\xad"),
        ("main\u3164\u115f\uffa0\U000e0101", "main\\u3164\\u115f\\uffa0\\U000e0101"),
        ("\u2764\ufe0f \u0646\u200c\u0645", "\u2764\ufe0f \u0646\u200c\u0645"),
        ("gr\xfcn/\u4e2d", "gr\xfcn/\u4e2d"),
    ],
)
def test_names_are_shown_with_their_escapes(name: str, shown: str) -> None:
    assert escaped(name) == shown
    assert escaped(shown) == shown, "as often as one likes"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("nothing", "nothing"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b[38;5;9mred", "\x1b[38;5;9mred\x1b[0m"),
        ("\x1b[32mgreen\x1b[m", "\x1b[32mgreen\x1b[m"),
        ("a\x1b[2Jb\x1b[?1049hc\x1b[6nd", "abcd"),
        ("\x1b]0;title\x07x\x1b]52;c;cm0gLXJm\x07y\x1bcz", "xyz"),
        ("\x9b31mc1", "\\x9b31mc1"),
        ("\x1b[1;\x1b[2J1mcut in two", "1;1mcut in two"),
        ("\x1b[" + "1;" * 50 + "m", ""),
        ("one\ntwo\u202e", "one\ntwo\\u202e"),
    ],
)
def test_colours_pass(line: str, shown: str) -> None:
    assert coloured(line) == shown


@given(SOME)
def test_nothing_is_left_that_acts(line: str) -> None:
    assert not ACTS.search(plain(line.replace("\n", " ")))
    assert not re.search(r"[\t\n]", escaped(line))
    assert not ACTS.search(escaped(line))
    assert not ACTS.search(re.sub(r"\x1b\[[0-9;:]*m", "", coloured(line)))
    for shown in (plain(line), escaped(line), coloured(line)):
        assert not {"Cs", "Zl", "Zp"} & {unicodedata.category(char) for char in shown}


@given(st.recursive(SOME, lambda inner: st.lists(inner) | st.dictionaries(SOME, inner), max_leaves=5))
def test_json_says_the_same(value: object) -> None:
    document = json_escaped(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(document) == value
    assert not ACTS.search(document.replace("\n", ""))
