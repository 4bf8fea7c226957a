"""The images that a Dockerfile names: in full, each with its line, whatever spells them."""

import pytest

from deployhost.build.sources import stages
from deployhost.build.sources.arguments import platform_arguments
from deployhost.build.sources.stages import Stages, check_trigger, read_stages
from deployhost.build.sources.text import LineRefused, read_directives, read_instructions, read_trigger

HUB = "docker.io/library"
OTHER = "127.0.0.1:5555/other:latest"


def read(text: str, **given: str) -> Stages:
    directives = read_directives(text)
    instructions = read_instructions(text, directives.escape)
    return read_stages(instructions, escape=directives.escape, given=given, platform=platform_arguments("x86_64"))


def uses(text: str, **given: str) -> list[tuple[str, int]]:
    return [(use.reference.full, use.line) for _, use in read(text, **given).uses()]


@pytest.mark.parametrize(
    "text",
    [
        "FROM 127.0.0.1:5555/other",
        "ARG R=127.0.0.1:5555\nFROM $R/other",
        "ARG A=x127.0.0.1\nFROM ${A#x}:5555/${B:-other}",
        "ARG A=1.0.0.721\nFROM 127.0.0.1:5555/${TARGETOS:+other}${A:+}",
        "ARG A=a/b\nFROM 127.0.0.1:5555/${A/a?b/other}",
        "FROM '127.0.0.1:5555'/other",
        "FROM 127.0.0.1:55\\\n55/other",
        "FROM --platform=$BUILDPLATFORM 127.0.0.1:5555/other AS x",
        "FROM scratch\nCOPY --from=127.0.0.1:5555/other a b",
        "FROM scratch\nCOPY --fr\\om=127.0.0.1:5555/other a b",
        "FROM scratch\ncopy\t--from=127.0.0.1:5555/other a b",
        "FROM scratch\nADD a b\nRUN --mount=type=bind,from=127.0.0.1:5555/other,target=/x y",
        "FROM scratch\nRUN --mount=FROM=127.0.0.1:5555/other,target=/x y",
        "FROM scratch\nRUN --mount=type=cache,target=/x --mount=target=/y,From=127.0.0.1:5555/other y",
        "# escape=`\nFROM scratch\nCOPY `\n --from=127.0.0.1:5555/other a b",
        "FROM a AS b\nCOPY --from=b c d\nFROM 127.0.0.1:5555/other AS b",
        "FROM 127.0.0.1:5555/other:latest AS unneeded\nFROM scratch",
    ],
)
def test_another_apps_image_is_seen(text: str) -> None:
    assert OTHER in [name for name, _ in uses(text)]
    assert "5555/other:latest" in " ".join([*(" ".join([*one.flags, one.rest]) for one in read(text).instructions())])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("FROM $UNKNOWN", 1),
        ("FROM a${X}:", 1),
        ("FROM a\nCOPY --from=$X b c", 2),
        ("FROM a\nCOPY --from=${X:-127.0.0.1:5555/other} b c", 2),
        ("FROM a\nRUN --mount=from=$X,target=/x b", 2),
        ("FROM a\nRUN --mount=from=x,from=y,target=/x b", 2),
        ('FROM a\nRUN --mount=type=bind,\\"from=x\\",target=/x b', 2),
        ("FROM a\nCOPY --from=0 b c", 2),
        ("FROM a\nFROM b\nCOPY --from=+0 c d", 3),
        ("FROM a\nFROM b\nCOPY --from=00 c d", 3),
        ("FROM a\nCOPY --from=b --from=c d e", 2),
        ("FROM a\nCOPY --new=b c d", 2),
        ("FROM a\nRUN --network=host b", 2),
        ("FROM a\nRUN --security=insecure b", 2),
        ("FROM a\nONBUILD FROM b", 2),
        ("FROM a\nONBUILD ONBUILD RUN b", 2),
        ("FROM a\nONBUILD COPY --from=b c d", 2),
        ("FROM a\nONBUILD RUN --mount=from=b,target=/x c", 2),
        ("# escape=`\nFROM a\nONBUILD RUN --mount=type=bind,fr\\om=b,target=/x c", 3),
        ("FROM a\nONBUILD ADD http://b/c d", 2),
        ("FROM a\nONBUILD ADD $B d", 2),
        ("FROM a b", 1),
        ("FROM a AS 0x", 1),
        ("RUN a\nFROM b", 1),
        ("FROM sha256:" + "0" * 64, 1),
        ("FROM " + "0" * 64, 1),
        ("# c", 1),
    ],
)
def test_what_stays_open_or_can_be_misread_is_refused(text: str, line: int) -> None:
    with pytest.raises(LineRefused) as caught:
        read(text)
    assert caught.value.line == line


def test_stages_are_no_images() -> None:
    lines = (
        "FROM a AS one",
        "FROM one AS two",
        "COPY --from=ONE x y",
        "COPY --from=0 x y",
        "RUN --mount=from=two,target=/x y",
    )
    text = "\n".join([*lines, "FROM scratch", "COPY --from=two x y"])
    found = read(text)
    assert [name for name, _ in uses(text)] == [f"{HUB}/a:latest", f"{HUB}/two:latest"]  # no stage can mount itself
    assert found.needed() == {0, 1, 2}
    assert read("FROM a AS x\nFROM b").needed() == {1}


def test_a_number_is_a_stage_for_copy_only() -> None:
    assert uses("FROM a\nFROM 0\nRUN --mount=from=0,target=/x y")[1:] == [
        (f"{HUB}/0:latest", 2),
        (f"{HUB}/0:latest", 3),
    ]


def test_the_builds_arguments_count() -> None:
    assert uses("ARG HTTP_PROXY=x\nFROM $HTTP_PROXY", HTTP_PROXY="a") == [(f"{HUB}/a:latest", 2)]


def test_what_a_line_says_is_shown() -> None:
    (use,) = [use for _, use in read("ARG V=3\nFROM alpine:$V").uses()]
    assert use.shown == "FROM alpine:$V (alpine:3)"


def test_numbers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "MOST_IMAGES", 2)
    with pytest.raises(LineRefused, match="more than 2 images"):
        read("FROM a\nFROM b\nFROM c")
    monkeypatch.setattr(stages, "MOST_STAGES", 1)
    with pytest.raises(LineRefused, match="more than 1 stages"):
        read("FROM a\nFROM a")


@pytest.mark.parametrize("text", ["COPY . /app", "RUN npm ci", "ADD . /app", "ENV A=1", "COPY --chown=1:1 a b"])
def test_triggers_of_images_that_take_from_the_context_only(text: str) -> None:
    check_trigger(read_trigger(text, 1), text)


@pytest.mark.parametrize(
    "text",
    [
        "COPY --from=127.0.0.1:5555/other / /x",
        "COPY --fr\\om=a / /x",
        "RUN --mount=type=bind,from=a,target=/x b",
        "ADD http://127.0.0.1/ /x",
        'ADD ["http://127.0.0.1/", "/x"]',
        "ADD $X /x",
        "ADD git@a:b /x",
        "FROM a",
    ],
)
def test_triggers_that_take_more(text: str) -> None:
    with pytest.raises(LineRefused):
        check_trigger(read_trigger(text, 1), text)
