"""A Dockerfile's instructions as BuildKit reads them, and what its versions read differently."""

import pytest

from deployhost.build.sources.text import MOST, LineRefused, read_directives, read_instructions, read_trigger


def read(text: str) -> list[tuple[int, str, tuple[str, ...], str]]:
    directives = read_directives(text)
    return [(one.line, one.word, one.flags, one.rest) for one in read_instructions(text, directives.escape)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\ufefffrom a\r\nRun  b  \r\n", [(1, "FROM", (), "a"), (2, "RUN", (), "b")]),
        ("# c\n\n  FROM a \\\n# c\n\n  AS b\nRUN c", [(3, "FROM", (), "a   AS b"), (7, "RUN", (), "c")]),
        ("# escape=`\nFROM a\nRUN b `\n  c \\\n", [(2, "FROM", (), "a"), (3, "RUN", (), "b   c \\")]),
        ("FROM a\u2028RUN b", [(1, "FROM", (), "a\u2028RUN b")]),
        ("COPY --a=b --c='d e' --f\\g  x y", [(1, "COPY", ("--a=b", "--c=d e", "--fg"), "x y")]),
        ("COPY --a x --b y", [(1, "COPY", ("--a",), "x --b y")]),
        ("RUN a <<E <<-'F'\n1\nE\n2\n\tF\nUSER b", [(1, "RUN", (), "a <<E <<-'F'"), (6, "USER", (), "b")]),
        ('RUN echo $((1<<2)) "a <<E"\nUSER b', [(1, "RUN", (), 'echo $((1<<2)) "a <<E"'), (2, "USER", (), "b")]),
        ('RUN ["a", "b"]', [(1, "RUN", (), '["a", "b"]')]),
        ("LABEL a=<<E\nUSER b", [(1, "LABEL", (), "a=<<E"), (2, "USER", (), "b")]),
    ],
)
def test_instructions(text: str, expected: list[tuple[int, str, tuple[str, ...], str]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("FROM a\nRUN b \\\\\nFROM c", 2, "two escape characters"),
        ("FROM a\nRUN cat << EOF\nEOF", 2, "must be written as <<NAME"),
        ("FROM a\nRUN cat <<EOF>x\nEOF", 2, "must be written as <<NAME"),
        ("FROM a\nRUN cat <<EOF\nx", 2, "that no line EOF ends"),
        ('FROM a\nRUN ["a", <<E ]\nE', 2, "a heredoc in a list"),
        ("FROM a\nONBUILD RUN <<E\nE", 2, "a heredoc in a list or in ONBUILD"),
        ("FROM a\nRUN a\x0bb", 2, "a control character"),
        ("FROM a\nRUN a\rFROM b", 2, "a control character"),
        ("FROM a\nFROMX b", 2, "unknown instruction: FROMX"),
        ("FROM a\nFR\u00d6M b", 2, "unknown instruction"),
        ("FROM a\nCOPY -- --from=b c d", 2, "'--' is not a flag"),
        ("FROM a\nCOPY --from='b c d", 2, "a quote without its second"),
        ("FROM a\nCOPY --fr\u00f6m=b c d", 2, "is not a flag"),
    ],
)
def test_what_builders_read_differently_is_refused(text: str, line: int, why: str) -> None:
    with pytest.raises(LineRefused, match=why) as caught:
        read(text)
    assert caught.value.line == line


def test_directives() -> None:
    found = read_directives(
        "#!/usr/bin/env x\n# Syntax = a/b:1 more\n#escape=`\n# check=skip=all\n# other=1\n# escape=x"
    )
    assert (found.syntax, found.syntax_line, found.escape, found.check) == ("a/b:1", 2, "`", "skip=all")
    assert read_directives("\n# syntax=a").syntax == ""
    assert read_directives("# c\n# syntax=a").syntax == ""


@pytest.mark.parametrize("text", ["# syntax=a\n# syntax=b", "# escape=x"])
def test_directives_that_are_wrong(text: str) -> None:
    with pytest.raises(LineRefused):
        read_directives(text)


def test_a_trigger_is_one_line() -> None:
    assert read_trigger(" copy . /app ", 3).word == "COPY"
    for text in ("RUN a\nFROM b", "RUN a <<E", "RUN a\rb"):
        with pytest.raises(LineRefused):
            read_trigger(text, 3)


def test_instructions_are_bounded() -> None:
    assert len(read("# c\n" * MOST + "RUN a\n" * MOST)) == MOST
    with pytest.raises(LineRefused, match="more than 5000 instructions"):
        read("RUN a\n" * (MOST + 1))
