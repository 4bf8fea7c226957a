"""A deploy's events as lines."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.control.progress import Progress, clean, error_lines, seconds


def lines(*events: dict[str, Any], color: bool = False, finish: dict[str, Any] | None = None) -> list[str]:
    written: list[str] = []
    progress = Progress(written.append, color)
    for event in events:
        progress.event(event)
    if finish is not None:
        progress.finish(finish)
    return written


def stage(name: str, state: str = "done", **more: Any) -> dict[str, Any]:
    return {"event": "stage", "stage": name, "state": state, **more}


def output(name: str, line: str) -> dict[str, Any]:
    return {"event": "output", "stage": name, "line": line}


def test_a_quiet_deploy_has_one_line_per_stage() -> None:
    assert lines(
        stage("queue", "start"),
        stage("queue", ms=2.4),
        stage("build", "start"),
        stage("build", ms=412.0),
        stage("switch", "start"),
        stage("switch", ms=1204, detail="3 hosts"),
    ) == ["  queue    2 ms", "  build    0.41 s", "  switch   1.20 s  3 hosts"]


def test_output_stands_below_the_name_of_its_stage() -> None:
    assert lines(
        stage("build", "start", detail="python 3.13 from requirements.txt"),
        output("build", "#1 load"),
        output("build", "#2 run  "),
        stage("build", ms=2000),
        output("health", "Traceback"),
        stage("health", "failed", ms=60000, detail="never answered"),
    ) == [
        "  build    python 3.13 from requirements.txt …",
        "    #1 load",
        "    #2 run",
        "  build    2.00 s",
        "  health   …",
        "    Traceback",
        "  health   failed  60.00 s  never answered",
    ]


def test_notes_and_strangers() -> None:
    assert lines({"event": "note", "text": "one\ntwo"}, {"event": "new thing"}, {}) == ["  ! one", "  ! two"]


def test_live_says_where_and_how_long() -> None:
    deploy = {
        "status": "live",
        "url": "http://hello.localhost",
        "total_ms": 620,
        "phases": [
            {"name": "queue", "ms": 2},
            {"name": "build", "ms": 410},
            {"name": "health", "ms": 1234},
            {"name": "live", "ms": 620},
            {"name": "drain", "ms": 30000},
        ],
    }
    assert lines(finish=deploy) == [
        "live at http://hello.localhost in 0.62 s  (queue 2 ms · build 410 ms · health 1.2 s)"
    ]
    assert lines(finish={"status": "live", "app": "hello", "phases": [], "total_ms": None}) == ["live at hello"]


def test_a_failure_says_why_and_what_to_do() -> None:
    error = {
        "code": "boot_failed",
        "message": "the app ended",
        "hint": "deployhost logs hello",
        "details": ["Key", "Error"],
    }
    assert lines(finish={"status": "failed", "error": error}) == [
        "failed: the app ended",
        "  Key",
        "  Error",
        "try: deployhost logs hello",
    ]
    assert lines(finish={"status": "failed", "error": None}) == ["failed: the deploy failed"]


@pytest.mark.parametrize(
    ("deploy", "said"),
    [
        ({"status": "superseded", "superseded_by": 8}, "overtaken by a newer push (deploy 8): nothing was changed"),
        ({"status": "superseded", "superseded_by": None}, "overtaken by a newer push: nothing was changed"),
        (
            {"status": "superseded", "trigger": "push", "superseded_by": 8},
            "overtaken by a newer push (deploy 8): nothing was changed",
        ),
        (
            {"status": "superseded", "trigger": "settings", "superseded_by": 8},
            "done together with a newer change (deploy 8)",
        ),
        ({"status": "superseded", "trigger": "restart", "superseded_by": None}, "done together with a newer change"),
        ({"status": "queued", "id": 7}, "deploy 7 is queued"),
        (
            {"status": "superseded", "trigger": "manual", "superseded_by": 8},
            "overtaken by what was asked for later (deploy 8): nothing was changed",
        ),
        ({"status": "cancelled", "id": 7}, "cancelled: somebody wanted it to end"),
    ],
)
def test_other_ends(deploy: dict[str, Any], said: str) -> None:
    assert lines(finish=deploy) == [said]


def test_colour_only_where_it_is_wanted() -> None:
    events = [stage("build", "start", detail="d"), output("build", "x"), stage("build", "failed", ms=1)]
    failed = {"status": "failed", "error": {"message": "m"}}
    plain, coloured = lines(*events, finish=failed), lines(*events, color=True, finish=failed)
    assert not any("\x1b" in line for line in plain)
    assert [clean(line) for line in coloured] == plain
    assert ["\x1b" in line for line in coloured] == [False, True, True, True]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain\ttext", "plain\ttext"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link", "textlink"),
        (" 10%\r 50%\r100%\r", "100%"),
        ("a\x00b\x08c\x9b2Jd\u202e", "abc2Jd\u202e"),
        ("cut\x1b", "cut"),
    ],
)
def test_output_can_not_act_on_the_terminal(line: str, shown: str) -> None:
    assert clean(line) == shown


@given(st.text() | st.text("\x1b[]0;m\r\n\x07ab\\", max_size=20))
def test_clean_leaves_no_control_character(line: str) -> None:
    assert not any(ord(char) < 32 and char != "\t" for char in clean(line.replace("\n", " ")))


@pytest.mark.parametrize(
    ("ms", "said"), [(0.4, "0 ms"), (9.4, "9 ms"), (10, "0.01 s"), (412, "0.41 s"), (75200, "75.20 s")]
)
def test_times(ms: float, said: str) -> None:
    assert seconds(ms) == said


def test_errors_of_several_lines() -> None:
    assert error_lines({"message": "one\ntwo", "details": ["a\nb", ""], "hint": ""}) == [
        "error: one",
        "  two",
        "  a",
        "  b",
    ]
    assert error_lines({}) == ["error: "]
