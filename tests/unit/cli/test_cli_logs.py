"""`logs`: what is said beside an app's own lines is no part of them."""

import contextlib
import io

import pytest

from deployhost.cli.main import main
from deployhost.control.results import StatusFound
from tests.fakes.command import Run
from tests.fakes.control import FakeControl
from tests.fakes.views import app_view, live_view, server_view


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def on_a_screen(*arguments: str) -> str:
    """Run the command on a terminal and return what it wrote there."""
    screen = Screen()
    with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        assert main(arguments) == 0
    return screen.getvalue()


def test_notes_go_to_standard_error(control: FakeControl, run: Run) -> None:
    line = {"event": "log", "line": "no module", "stream": "stdout", "at": ""}
    note = {"event": "note", "text": "the container of deploy 3 is gone; these last lines were kept:"}
    for _ in range(2):
        control.on("logs", {}, note, line)
    ran = run("logs", "hello", "--deploy", "3")
    assert (ran.out, ran.err) == ("no module\n", "! the container of deploy 3 is gone; these last lines were kept:\n")
    assert run("logs", "hello", "--json").json["lines"] == [{"line": "no module", "stream": "stdout", "at": ""}]


HOSTILE = "\x1b[31mred\x1b[0m \x1b]52;c;cm0=\x07\x1b[2J\x9b2J\u202eback\x1b[6n"
ON_A_TERMINAL = "\x1b[31mred\x1b[0m \\x9b2J\\u202eback\x1b[0m"


def test_a_terminal_gets_the_colours_of_an_app_and_nothing_else(control: FakeControl) -> None:
    for stream in ("stdout", "stderr"):
        control.on("logs", {}, {"event": "log", "line": HOSTILE, "stream": stream, "at": ""})
        assert on_a_screen("logs", "hello") == f"{ON_A_TERMINAL}\n"


def test_a_file_gets_what_the_app_wrote(control: FakeControl, run: Run) -> None:
    control.on("logs", {}, {"event": "log", "line": HOSTILE, "stream": "stdout", "at": ""})
    assert run("logs", "hello").out == f"{HOSTILE}\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_nothing_in_a_status_acts_on_a_terminal(control: FakeControl, options: list[str]) -> None:
    app = app_view(note=HOSTILE, branch="main\x9b2J\u202e", live=live_view(subject=HOSTILE))
    control.on("app.status", StatusFound(server=server_view(), apps=[app], problem=None))
    shown = on_a_screen("status", *options)
    assert not {"\x1b", "\x9b", "\u202e", "\x07"} & {*shown}
    assert ("main\\u009b2J\\u202e" if options else "main\\x9b2J\\u202e") in shown
