"""`logs`: what is said beside an app's own lines is no part of them."""

from tests.fakes.command import Run
from tests.fakes.control import FakeControl


def test_notes_go_to_standard_error(control: FakeControl, run: Run) -> None:
    line = {"event": "log", "line": "no module", "stream": "stdout", "at": ""}
    note = {"event": "note", "text": "the container of deploy 3 is gone; these last lines were kept:"}
    for _ in range(2):
        control.on("logs", {}, note, line)
    ran = run("logs", "hello", "--deploy", "3")
    assert (ran.out, ran.err) == ("no module\n", "! the container of deploy 3 is gone; these last lines were kept:\n")
    assert run("logs", "hello", "--json").json["lines"] == [{"line": "no module", "stream": "stdout", "at": ""}]
