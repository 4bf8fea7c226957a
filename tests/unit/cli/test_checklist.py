"""The checklist that a set-up shows."""

import io

from deployhost.cli.checklist import Checklist
from deployhost.steps import Step

STEP = Step(what="start it", why="it does not run")


def written(*, live: bool, quiet: bool = False) -> tuple[str, list[str]]:
    stream, log = io.StringIO(), list[str]()
    checklist = Checklist(stream, log.append, live=live, quiet=quiet)
    checklist.started(STEP)
    checklist.done(STEP, "version 1")
    checklist.started(STEP)
    checklist.failed(STEP, ValueError("no"))
    checklist.tick("all is well")
    return stream.getvalue(), log


def test_a_checklist_has_one_line_for_each_step() -> None:
    shown, log = written(live=False)
    assert shown == "✓ start it  version 1\n✗ start it\n✓ all is well\n"
    assert log[0] == "begin: start it (it does not run)"


def test_on_a_terminal_the_step_under_way_is_shown_and_overwritten() -> None:
    assert written(live=True)[0].startswith("… start it\r\x1b[K✓ start it")


def test_beside_json_only_the_log_is_written() -> None:
    shown, log = written(live=False, quiet=True)
    assert shown == ""
    assert len(log) == 5
