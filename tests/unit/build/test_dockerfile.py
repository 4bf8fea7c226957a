"""Reading a repository's own Dockerfile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.build.dockerfile import parse_dockerfile


def images(text: str) -> list[tuple[str, int | None]]:
    return [(one.ref, one.line) for one in parse_dockerfile(text).images]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM alpine", [("alpine", 1)]),
        ("# a comment\n\nfrom --platform=$BUILDPLATFORM alpine:3 as x\nFROM x", [("alpine:3", 3)]),
        ("ARG V=3.20\nFROM alpine:$V", [("alpine:3.20", 2)]),
        ("ARG V\nFROM alpine:${V:-edge}", [("alpine:edge", 2)]),
        ('ARG A="1" B=py${A}\nFROM ${B}', [("py1", 2)]),
        ("ARG S\nFROM a${S:+-slim}", [("a", 2)]),
        ("ARG S=1\nFROM a${S:+-slim}", [("a-slim", 2)]),
        ("FROM $UNKNOWN", [("$UNKNOWN", 1)]),
        ("FROM a AS build\nFROM b\nCOPY --from=build /x /x", [("a", 1), ("b", 2)]),
        ("FROM a AS build\nFROM b\nCOPY --from=0 /x /x", [("a", 1), ("b", 2)]),
        (
            "FROM a\nCOPY --chown=1 --from=ghcr.io/astral-sh/uv:0.5 /uv /bin/",
            [("a", 1), ("ghcr.io/astral-sh/uv:0.5", 2)],
        ),
        ("FROM a\nRUN --mount=type=bind,from=tools:1,target=/t x", [("a", 1), ("tools:1", 2)]),
        ("FROM unneeded AS x\nFROM scratch\nCOPY y /", []),
        ("FROM a AS Base\nFROM base AS two\nFROM two", [("a", 1)]),
        ("FROM a \\\n  # inside\n  AS x\nRUN b \\\n\n  c\nFROM d", [("d", 7)]),
        ("# escape=`\nFROM a\nRUN x `\n  FROM y\nFROM z", [("z", 5)]),
        ("FROM a\nRUN <<EOF\nFROM inside\nEOF\nCOPY --from=b /x /", [("a", 1), ("b", 5)]),
        ("FROM a\r\nCOPY --from=b x y\r\n", [("a", 1), ("b", 2)]),
        ("\ufeffFROM a", [("a", 1)]),
        ("", []),
        ("FROM\nCOPY", []),
        ("FROM a\nFROM a", [("a", 2)]),
    ],
)
def test_images(text: str, expected: list[tuple[str, int]]) -> None:
    assert images(text) == expected


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("FROM a\nEXPOSE 3000", (3000,)),
        ("FROM a\nEXPOSE 80/tcp 53/udp 443", (80, 443)),
        ("FROM a AS x\nEXPOSE 1000\nFROM x\nEXPOSE 2000", (2000, 1000)),
        ("FROM a AS x\nEXPOSE 1000\nFROM b", ()),
        ("FROM a\nENV PORT=5000\nEXPOSE $PORT", (5000,)),
        ("ARG P=7000\nFROM a\nARG P\nEXPOSE ${P}", (7000,)),
        ("FROM a\nENV PORT 5001\nEXPOSE ${PORT}/tcp", (5001,)),
        ("FROM a\nEXPOSE $NOTHING 99999 0 x", ()),
        ("FROM a\nEXPOSE 8000-8010", (8000,)),
    ],
)
def test_ports(text: str, ports: tuple[int, ...]) -> None:
    assert parse_dockerfile(text).ports == ports


def test_syntax_is_found_with_its_line() -> None:
    parsed = parse_dockerfile(
        "# syntax=docker/dockerfile:1.7\n# escape=\\\nFROM a\nRUN cat <<-'E' > x\n\tFROM q\n\tE\n"
    )
    assert parsed.syntax is not None
    assert (parsed.syntax.ref, parsed.syntax.line) == ("docker/dockerfile:1.7", 1)
    assert parsed.stages == 1
    assert parse_dockerfile("FROM a\n# syntax=late").syntax is None
    assert parse_dockerfile("FROM a\nRUN grep x <<< y && echo $((1<<2))\nFROM b").stages == 2


@given(st.text(st.sampled_from("FROM \n\\#=$ {}:-+<ECOPYARGEXPOSE--from0123\"'`") | st.characters(), max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    parsed = parse_dockerfile("FROM a\n" + text)
    assert parsed.stages >= 1
