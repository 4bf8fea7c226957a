"""The text of .env files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.config.dotenv import parse, render
from deployhost.errors import InvalidConfig
from deployhost.model import EnvName


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("# c\n\n  # d\n", {}),
        ("A=1", {"A": "1"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1\n", {"A": "1"}),
        ("export A=1\n\texport\tB = 2 \n", {"A": "1", "B": "2"}),
        ("A=\nB= # c\nC=''\nD=\"\"", {"A": "", "B": "", "C": "", "D": ""}),
        ("A=x y # c\nB=x#y\n", {"A": "x y", "B": "x#y"}),
        ("A=x=y&z==", {"A": "x=y&z=="}),
        ('A=it\'s "so"', {"A": 'it\'s "so"'}),
        ("A='x # y\\n$B' # c", {"A": "x # y\\n$B"}),
        ("A='one\ntwo'\nB=2", {"A": "one\ntwo", "B": "2"}),
        (r'A="a\n\t\"\\\$\x"', {"A": 'a\n\t"\\$\\x'}),
        ('A="one\r\n# two\nB=3"\nB=2', {"A": "one\n# two\nB=3", "B": "2"}),
        ("A=$B ${C} `d`", {"A": "$B ${C} `d`"}),
        ('A="-----BEGIN\nabc=\n-----END"  # key\n', {"A": "-----BEGIN\nabc=\n-----END"}),
    ],
)
def test_what_is_understood(text: str, values: dict[str, str]) -> None:
    assert parse(text) == values


def test_all_mistakes_at_once_with_their_lines() -> None:
    text = "A=1\nnonsense\n1B=2\nC='x' y\nD=\"one\ntwo\"\nA=3\nexport E\nF='open\nG=1\n"
    with pytest.raises(InvalidConfig) as caught:
        parse(text, "x.env")
    assert caught.value.message == "x.env can't be read as a .env file"
    assert caught.value.details == (
        "x.env: line 2: expected NAME=value",
        "x.env: line 3: '1B' is not a valid variable name: use letters, digits and _, not beginning with a digit",
        "x.env: line 4: C: there is more text after the closing quote",
        "x.env: line 7: A is set a second time",
        "x.env: line 8: expected NAME=value",
        "x.env: line 9: F: the quote ' is not closed",
    )


def test_mistakes_do_not_quote_values() -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse("A='hunter2' hunter2\nB=\"hunter2\n")
    assert "hunter2" not in str(caught.value.to_json())


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True).map(EnvName)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.text(
    "\\\"'$#\n\r =nt`", max_size=12
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_what_is_written_reads_back(values: dict[EnvName, str]) -> None:
    text = render(values)
    assert parse(text) == values
    assert parse("\ufeff" + "".join(f"# c\nexport {line}" for line in [text] if values)) == values
    assert list(parse(text)) == list(values)


@settings(deadline=None)
@given(st.text(max_size=60) | st.text("A=\"'\\\n# x", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    refused, values = False, {}
    try:
        values = parse(text)
    except InvalidConfig as error:
        refused = bool(error.details)
    assert refused or all(name in text for name in values)
