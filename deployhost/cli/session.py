"""What every verb has at hand: where things lie, the daemon, and the one place that writes to the terminal."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

import typer

from deployhost.control.client import OnEvent, call
from deployhost.control.following import Once
from deployhost.control.messages import Message
from deployhost.control.progress import Progress, error_lines
from deployhost.errors import DaemonUnavailable, DeployhostError, Interrupted
from deployhost.paths import Paths

ASK = 60.0  # seconds for an answer that needs no deploy
PATIENCE = 60.0  # seconds for a daemon that is being restarted: what it was asked for is in its journal
CONNECTED = 1.0  # … one that was not there would not have taken that long
RETRY = 0.3
Render = Callable[[Any], Iterable[str]]
"""Given what the daemon returned, return the lines that a person reads."""


class OutputClosed(BaseException):
    """Our output has no taker: whoever read it has gone (`… | head`), or, with a `problem`, it can't be written (a full disk).

    No OSError: the client would take it for a fault of the socket.
    """

    def __init__(self, problem: str = "") -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True)
class Session:
    """Given where things lie and the three streams, talk to the daemon and to the person; `json` is whether that is a program."""

    paths: Paths
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    color: bool = False
    interactive: bool = False  # whether somebody sits there who can be asked
    json: bool = False

    def ask(self, op: str, **arguments: Any) -> Any:
        """Given an operation and its arguments (None: left out), return the daemon's result. Raise RemoteError, DaemonUnavailable."""
        return self._call(op, None, ASK, arguments, "stopped waiting for the daemon's answer")

    def follow(self, op: str, goes_on: str, on_event: OnEvent | None = None, **arguments: Any) -> Any:
        """Given an operation that may last, show its progress and return its result, however long it takes.

        `goes_on` is what Ctrl-C leaves to be said. A deploy is followed across a restart of the daemon.
        Raise Interrupted, RemoteError, DaemonUnavailable.
        """
        show = Once(on_event or Progress(self._progress_line, self.color and not self.json).event)
        try:
            return self._call(op, show, None, arguments, goes_on)
        except DaemonUnavailable:
            if show.deploy is None:
                raise
            show.broke()
        result = self._again("deploy.follow", show, goes_on, id=show.deploy)
        return result if show.rest is None else {**show.rest, "deploy": result}

    def insist(self, op: str, goes_on: str, **arguments: Any) -> Any:
        """Given an operation that only waits, return its result, asking again when the daemon is restarted meanwhile.

        Raise DaemonUnavailable at once if it was not there to begin with.
        """
        show, began = Once(lambda _: None), time.monotonic()
        try:
            return self._call(op, show, None, arguments, goes_on)
        except DaemonUnavailable:
            if time.monotonic() - began < CONNECTED:
                raise
        return self._again(op, show, goes_on, **arguments)

    def _again(self, op: str, show: Once, goes_on: str, **arguments: Any) -> Any:
        deadline, told = time.monotonic() + PATIENCE, False
        while True:
            began = time.monotonic()
            try:
                return self._call(op, show, None, arguments, goes_on)
            except DaemonUnavailable:
                if show.broke() or time.monotonic() - began > CONNECTED:
                    deadline = time.monotonic() + PATIENCE
                if time.monotonic() > deadline:
                    raise
            if not told:
                self.warn("  ! deployhostd is being restarted; waiting for it …")
                told = True
            try:
                time.sleep(RETRY)
            except KeyboardInterrupt:
                raise Interrupted(goes_on) from None

    def show(self, result: Any, render: Render) -> None:
        """Given a result and how a person reads it, write it as lines, or as the one JSON document."""
        if self.json:
            self.say(json.dumps(result, indent=2, ensure_ascii=False))
        else:
            for line in render(result):
                self.say(line)

    def ended(self, deploy: Mapping[str, Any] | None) -> None:
        """Given the deploy that a verb led to, say how it ended (not in JSON: there it is in the result). Raise Exit 1 if it failed."""
        if deploy is None:
            return
        if not self.json:
            Progress(self.say, self.color).finish(deploy)
        # What overtakes a change of settings carries it out, and what overtakes a push is newer; but nothing goes back in its place.
        overtaken = deploy.get("status") == "superseded" and deploy.get("trigger") == "rollback"
        if overtaken or deploy.get("status") in ("failed", "cancelled"):
            raise typer.Exit(1)

    def fail(self, error: DeployhostError) -> int:
        """Given an error, show it and return the exit code."""
        if self.json:
            self.say(json.dumps({"error": error.to_json()}, indent=2, ensure_ascii=False))
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
        """Given a question, ask it on the terminal and return whether the answer is yes; only y and yes are."""
        self.stderr.write(f"{question} [y/N] ")
        self.stderr.flush()
        return self.stdin.readline().strip().lower() in ("y", "yes")

    def _progress_line(self, line: str) -> None:
        # Beside JSON, progress is for the person who watches; a program that reads stdout alone is not disturbed.
        _write(self.stderr if self.json else self.stdout, line)

    def _call(
        self, op: str, on_event: OnEvent | None, timeout: float | None, arguments: Message, interrupted: str
    ) -> Any:
        given = {key: value for key, value in arguments.items() if value is not None}
        try:
            return call(str(self.paths.control_socket), op, on_event, timeout=timeout, **given)
        except KeyboardInterrupt:
            raise Interrupted(interrupted) from None


def session_of(context: typer.Context, as_json: bool) -> Session:
    """Given typer's context and --json, return the session."""
    session = context.obj
    if not isinstance(session, Session):
        raise TypeError("main() passes a Session")
    return Session(**{**vars(session), "json": as_json})


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
        stream.write(line + "\n")
        stream.flush()
    except BrokenPipeError:
        raise OutputClosed from None
    except OSError as error:
        raise OutputClosed(str(error.strerror or error)) from None
