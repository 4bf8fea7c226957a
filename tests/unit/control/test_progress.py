"""A deploy's events as lines."""

from typing import Any, Literal, cast

import pytest

from deployhost.control.messages import Event, OutputEvent, StageEvent, StageName
from deployhost.control.progress import ProgressLines, error_lines, seconds
from deployhost.control.terminal import plain
from deployhost.control.views import DeployView
from tests.fakes.views import deploy_view, error_view


def lines(*events: Event, color: bool = False, finish: DeployView | None = None) -> list[str]:
    written: list[str] = []
    progress = ProgressLines(written.append, color)
    for event in events:
        progress.event(event)
    if finish is not None:
        progress.finish(finish)
    return written


def stage(name: StageName, state: Literal["start", "done", "failed"] = "done", **more: Any) -> StageEvent:
    return cast("StageEvent", {"event": "stage", "stage": name, "state": state, **more})


def output(name: StageName, line: str) -> OutputEvent:
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
    assert lines({"event": "note", "text": "one\ntwo"}, cast("Event", {"event": "new thing"})) == ["  ! one", "  ! two"]


def test_live_says_where_and_how_long() -> None:
    times = {"queue": 2, "build": 410, "health": 1234, "live": 620, "drain": 30000}
    deploy = deploy_view(phases=[{"name": name, "ms": ms} for name, ms in times.items()])
    assert lines(finish=deploy) == [
        "live at http://hello.localhost in 0.62 s  (queue 2 ms · build 410 ms · health 1.2 s)"
    ]
    assert lines(finish=deploy_view(phases=[], total_ms=None)) == ["live at http://hello.localhost"]


def test_a_failure_says_why_and_what_to_do() -> None:
    error = error_view("the app ended", hint="deployhost logs hello", details=["Key", "Error"])
    assert lines(finish=deploy_view("failed", error=error)) == [
        "failed: the app ended",
        "  Key",
        "  Error",
        "try: deployhost logs hello",
    ]
    assert lines(finish=deploy_view("failed")) == ["failed: the deploy failed"]


@pytest.mark.parametrize(
    ("deploy", "said"),
    [
        (deploy_view("superseded", superseded_by=8), "overtaken by a newer push (deploy 8): nothing was changed"),
        (deploy_view("superseded"), "overtaken by a newer push: nothing was changed"),
        (
            deploy_view("superseded", trigger="settings", superseded_by=8),
            "done together with a newer change (deploy 8)",
        ),
        (deploy_view("superseded", trigger="restart"), "done together with a newer change"),
        (deploy_view("queued"), "deploy 7 is queued"),
        (
            deploy_view("superseded", trigger="manual", superseded_by=8),
            "overtaken by a later request (deploy 8): nothing was changed",
        ),
        (deploy_view("cancelled"), "cancelled: a person cancelled it"),
    ],
)
def test_other_ends(deploy: DeployView, said: str) -> None:
    assert lines(finish=deploy) == [said]


def test_colour_only_where_it_is_wanted() -> None:
    events: list[Event] = [stage("build", "start", detail="d"), output("build", "x"), stage("build", "failed", ms=1)]
    failed = deploy_view("failed", error=error_view("m"))
    dull, coloured = lines(*events, finish=failed), lines(*events, color=True, finish=failed)
    assert not any("\x1b" in line for line in dull)
    assert [plain(line) for line in coloured] == dull
    assert ["\x1b" in line for line in coloured] == [False, True, True, True]


@pytest.mark.parametrize(
    ("ms", "said"), [(0.4, "0 ms"), (9.4, "9 ms"), (10, "0.01 s"), (412, "0.41 s"), (75200, "75.20 s")]
)
def test_times(ms: float, said: str) -> None:
    assert seconds(ms) == said


def test_errors_of_several_lines() -> None:
    assert error_lines(error_view("one\ntwo", details=["a\nb", ""])) == [
        "error: one",
        "  two",
        "  a",
        "  b",
    ]
    assert error_lines(error_view("")) == ["error: "]
