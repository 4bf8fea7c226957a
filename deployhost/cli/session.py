"""What every verb has at hand: where things lie, the daemon, and the one place that writes to the terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar, cast

import typer

from deployhost.control.client import OnEvent, call
from deployhost.control.following import Once, until_answered
from deployhost.control.operations import DEPLOY_FOLLOW, Question
from deployhost.control.progress import ProgressLines, error_lines
from deployhost.control.terminal import coloured, json_escaped
from deployhost.errors import DeployhostError, Interrupted, InvalidRequest
from deployhost.paths import Paths

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.views import DeployView

ASK = 60.0  # seconds for an answer that needs no deploy
PATIENCE = 180.0  # for one that Cloudflare is asked for
Result = TypeVar("Result")


class OutputClosed(BaseException):
    """Our output can't be written: its reader is gone (`… | head`), or there is a `problem` (a full disk).

    It is not an OSError, which the client would take for a fault of the socket.
    """

    def __init__(self, problem: str = "") -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class Session:
    """Talks to the daemon and to the person, or with `json` to a program."""

    paths: Paths
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    color: bool = False
    interactive: bool = False  # whether a person is there to answer questions
    json: bool = False

    def ask(self, question: Question[Result], timeout: float = ASK) -> Result:
        """Return the daemon's answer to a question that needs no deploy. Raises RemoteError, DaemonUnavailable."""
        return self._call(question, None, timeout, "stopped waiting for the daemon's answer")

    def follow(
        self, question: Question[Result], continues: str, on_event: OnEvent | None = None, *, repeatable: bool = False
    ) -> Result:
        """Return the daemon's answer, however long it takes, and show the progress until then.

        `continues` is what Ctrl-C prints. A deploy is followed across a restart of the daemon; before there is one, the
        question is asked again only if it is `repeatable`. Raises Interrupted, RemoteError, DaemonUnavailable.
        """
        # Beside JSON, progress is for the person who watches; a program that reads stdout alone is not disturbed.
        progress = ProgressLines(self.warn if self.json else self.say, self.color and not self.json)
        once = Once(on_event or progress.event)

        def ask() -> Result:
            if once.deploy is None:
                return self._call(question, once, None, continues)
            deploy = self._call(DEPLOY_FOLLOW({"id": once.deploy}), once, None, continues)
            return cast("Result", deploy if once.rest is None else {**once.rest, "deploy": deploy})

        try:
            # Before it has a deploy, nobody knows whether the daemon did what it was asked: it is not asked twice.
            return until_answered(ask, once, self._lost, repeatable=lambda: repeatable or once.deploy is not None)
        except KeyboardInterrupt:
            raise Interrupted(continues) from None

    def insist(self, question: Question[Result], continues: str) -> Result:
        """Return the daemon's answer to a question that only waits, asking again when the daemon restarts.

        Raises DaemonUnavailable at once if the daemon did not run to begin with.
        """
        return self.follow(question, continues, lambda _: None, repeatable=True)

    def show(self, result: Result, render: Callable[[Result], Iterable[str]]) -> None:
        """Write a result as the lines that `render` makes of it, or as the one JSON document."""
        if self.json:
            self.say(json_escaped(json.dumps(result, indent=2, ensure_ascii=False)))
        else:
            for line in render(result):
                self.say(line)

    def ended(self, deploy: DeployView | None) -> None:
        """Say how the deploy of a verb ended, unless that is in the JSON already. Raises Exit 1 if it failed."""
        if deploy is None:
            return
        if not self.json:
            ProgressLines(self.say, self.color).finish(deploy)
        # What overtakes a change of settings applies it too, and what overtakes a push is newer. A rollback is just not done.
        overtaken = deploy["status"] == "superseded" and deploy["trigger"] == "rollback"
        if overtaken or deploy["status"] in ("failed", "cancelled"):
            raise typer.Exit(1)

    def fail(self, error: DeployhostError) -> int:
        """Show an error and return its exit code."""
        if self.json:
            self.say(json_escaped(json.dumps({"error": error.to_json()}, indent=2, ensure_ascii=False)))
        else:
            word = "interrupted" if isinstance(error, Interrupted) else "error"
            for line in error_lines(error.to_json(), word):
                self.warn(line)
        return error.exit_code

    def say(self, line: str) -> None:
        """Write a line of the result."""
        _write(self.stdout, line)

    def warn(self, line: str) -> None:
        """Write a line that is not the result: an error, a question, progress beside JSON."""
        _write(self.stderr, line)

    def confirm(self, question: str) -> bool:
        """Ask a question on the terminal and return whether the answer is y or yes."""
        self.stderr.write(f"{question} [y/N] ")
        self.stderr.flush()
        return self.stdin.readline().strip().lower() in ("y", "yes")

    def _lost(self) -> None:
        self.warn("  ! deployhostd is restarting; waiting for it …")

    def _call(
        self, question: Question[Result], on_event: OnEvent | None, timeout: float | None, interrupted: str
    ) -> Result:
        given = {key: value for key, value in question.arguments.items() if value is not None}
        try:
            answer: Result = call(str(self.paths.control_socket), question.op, on_event, timeout=timeout, **given)
        except KeyboardInterrupt:
            raise Interrupted(interrupted) from None
        return answer


def session_of(context: typer.Context, as_json: bool) -> Session:
    """Return the session of typer's context."""
    session = context.obj
    if not isinstance(session, Session):
        raise TypeError("main() passes a Session")
    return replace(session, json=as_json)


def needs_root(command: str) -> None:
    """Raise InvalidRequest unless we are root, with the command that makes it so."""
    if os.geteuid() != 0:
        raise InvalidRequest("connections belong to root, so this must run as root", hint=f"sudo {command}")


def real_streams() -> tuple[TextIO, TextIO, TextIO]:
    """Return stdin as it is, with its line ends, and stdout and stderr that escape what the terminal's encoding lacks."""
    # One that is closed (`>&-`) is None.
    stdin, stdout, stderr = sys.stdin or _nothing("r"), sys.stdout or _nothing("w"), sys.stderr or _nothing("w")
    for stream, settings in (
        (stdin, {"newline": "", "errors": "surrogateescape"}),
        (stdout, {"errors": "backslashreplace"}),
        (stderr, {"errors": "backslashreplace"}),
    ):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(**settings)
    return stdin, stdout, stderr


def _nothing(mode: str) -> TextIO:
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def _write(stream: TextIO, line: str) -> None:
    try:
        # Some of a line is mostly somebody else's, and a terminal obeys whoever writes to it: of all of that, it gets the colours.
        stream.write((coloured(line) if stream.isatty() else line) + "\n")
        stream.flush()
    except BrokenPipeError:
        raise OutputClosed from None
    except OSError as error:
        raise OutputClosed(str(error.strerror or error)) from None
