"""What is written reads as what was read, whatever reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.build.sources.text import Directives, Instruction, LineRefused, read_directives, read_instructions
from deployhost.build.sources.written import written


def again(text: str) -> str:
    directives = read_directives(text)
    return written(directives, directives.syntax, read_instructions(text, directives.escape))


def test_every_instruction_stays_on_its_line() -> None:
    text = "# syntax=a\n# c\nFROM a\n\nRUN b \\\n  && c <<E\n x\\\nE\nCOPY --chown='1 2' d e\n"
    assert again(text) == "# syntax=a\n\nFROM a\n\nRUN b   && c <<E\n x\\\nE\n\nCOPY --chown=1\\ 2 d e\n"


def test_directives_are_kept_where_they_are_harmless() -> None:
    assert again("# escape=`\n# check=skip=all\nFROM a") == "# escape=`\n# check=skip=all\nFROM a\n"
    assert again("# check=skip=all;x y\nFROM a") == "\nFROM a\n"


@pytest.mark.parametrize(
    "one",
    [
        Instruction(1, "RUN", (), "a\\"),
        Instruction(1, "COPY", (), "--from=b c d"),
        Instruction(1, "RUN", (), "a <<E"),
        Instruction(1, "RUN", (), "a\nFROM b"),
        Instruction(1, "RUN", ("--x=\u00e4",), "b"),
    ],
)
def test_what_could_be_read_as_something_else_is_not_written(one: Instruction) -> None:
    with pytest.raises(LineRefused):
        written(Directives(), "", [one])


LINES = st.lists(
    st.text(alphabet="abFROM<-=\\`'\"$ \t\r\n#E\x0b\u00a0", max_size=12).map(lambda rest: f"RUN {rest}")
    | st.sampled_from(
        ["FROM a", "E", "COPY --from=b c d", "RUN x <<E", "RUN y \\", "# c", "", "# escape=`", "ONBUILD RUN a"]
    ),
    max_size=8,
)


@given(LINES)
def test_what_is_written_has_one_meaning(lines: list[str]) -> None:
    """Each line of it is an instruction, a line of a heredoc that is known to be one, a directive, or empty."""
    text = "\n".join(lines)
    try:
        first = again(text)
    except LineRefused:
        return
    assert again(first) == first
    directives = read_directives(first)
    found = read_instructions(first, directives.escape)
    bodies = sum(len(heredoc.lines) + 1 for one in found for heredoc in one.heredocs)
    full = [line for line in first.split("\n") if line]
    blank_bodies = sum(not line for one in found for heredoc in one.heredocs for line in heredoc.lines)
    assert len(full) == len(found) + bodies - blank_bodies + (directives.escape != "\\")
    assert not any(one.rest.endswith(directives.escape) for one in found)
