"""Words as BuildKit expands and splits them: its own examples (frontend/dockerfile/shell/envVarTest, lex_test.go)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.build.sources.shell_words import LONGEST, Malformed, expand, raw_words

VALUES = {"PWD": "/home", "SHELL": "bash", "NULL": "", "KO": "k", "S": "abcdef", "G": "bar.tar.gz"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "hello"),
        ("he'll'o", "hello"),
        ("hel'lo $PWD'", "hello $PWD"),
        ('he"$PWD"', "he/home"),
        (r"he\$PWD", "he$PWD"),
        (r'"he\$PWD"', "he$PWD"),
        (r"he\'llo", "he'llo"),
        ("he$PWDx", "he"),
        ("he${PWD}x", "he/homex"),
        ("he$PWD.x", "he/home.x"),
        ("he${hi:-there}", "hethere"),
        ("he${NULL:-x}${NULL-y}", "hex"),
        ("${PWD:+x}${hi:+y}${NULL+z}${NULL:+w}", "xz"),
        ("${hi:-${SHELL}}", "bash"),
        ("${hi:-${no:-$PWD}:$SHELL}", "/home:bash"),
        ("${hi-'a b'}", "a b"),
        ("$", "$"),
        ("a$1b$", "ab$"),
        ("${S#a}${S#*c}${S##*c}${S%f}${S%d*}", "bcdefdefdefabcdeabc"),
        ("${G%.*}|${G%%.*}|${G#*.}|${G##*.}", "bar.tar|bar|tar.gz|gz"),
        ("${S/b/X}${S//?/y}${G/./-}${G//./-}", "aXcdefyyyyyybar-tar.gzbar-tar-gz"),
        (r"${G/\//x}", "bar.tar.gz"),
        ("a<b<<c", "a<b<<c"),
    ],
)
def test_expanded(text: str, expected: str) -> None:
    assert expand(text, VALUES) == expected


def test_another_escape_character() -> None:
    assert expand("a`$PWD\\b", VALUES, "`") == "a$PWD\\b"


@pytest.mark.parametrize(
    "text",
    [
        "'",
        '"',
        "${",
        "${}",
        "${PWD",
        "${:x}",
        "${{x}",
        "${PWD:#x}",
        "${PWD^}",
        "${hi?}",
        "${NULL:?gone}",
        "${hi:-" * 30,
        r"${S#\a}",
    ],
)
def test_what_buildkit_refuses_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        expand(text, VALUES)


def test_values_that_double_are_stopped() -> None:
    values = {"A": "x" * LONGEST}
    with pytest.raises(Malformed, match="more than"):
        expand("$A$A", values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RUN cat <<EOF", ("RUN", "cat", "<<EOF")),
        ("RUN cat << EOF x", ("RUN", "cat", "<< EOF", "x")),
        ("RUN 'a b'\"c $D\" ${E} f\\ g", ("RUN", "'a b'\"c $D\"", "${E}", "f\\ g")),
        ("RUN echo $((1<<2))", ("RUN", "echo", "$((1<<2))")),
        ("RUN 'open", ()),
    ],
)
def test_words_as_they_stand(text: str, words: tuple[str, ...]) -> None:
    assert raw_words(text) == words


@given(st.text(alphabet="ab$\\{}'\":-+?#%/<`* ", max_size=40))
def test_it_ends_with_a_word_or_a_reason(text: str) -> None:
    with suppress(Malformed):
        expand(text, VALUES)
    raw_words(text)
