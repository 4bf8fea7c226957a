"""deploy, restart, cancel, wait, logs."""

import math
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from deployhost.cli import release_views
from deployhost.cli.arguments import AppArgument, JsonOption, argument, option
from deployhost.cli.completion import complete_process, complete_reference
from deployhost.cli.session import Session, session_of
from deployhost.control.operations import APP_RESTART, DEPLOY_CANCEL, DEPLOY_START, DEPLOY_WAIT, LOGS, Question
from deployhost.control.terminal import plain
from deployhost.errors import Interrupted, InvalidRequest
from deployhost.model import AppName

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.messages import Event, LogEvent
    from deployhost.control.views import DeployView


def deploy(
    context: typer.Context,
    name: AppArgument,
    ref: Annotated[
        str | None,
        argument("REF", "Branch, tag or commit, which may be shortened (default: the last push).", complete_reference),
    ] = None,
    *,
    rebuild: Annotated[bool, option("Build without the cache.", "--rebuild")] = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy the last pushed commit, or REF. Waits until it is live. Exits 1 if it fails.

    Example: deployhost deploy hello v1.2
    """
    session = session_of(context, as_json)
    app = AppName(name)
    _follow(session, app, DEPLOY_START({"name": app, "ref": ref, "rebuild": rebuild or None, "follow": True}))


def restart(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Restart the live release without downtime. New containers replace the old ones.

    Example: deployhost restart hello
    """
    session = session_of(context, as_json)
    app = AppName(name)
    _follow(session, app, APP_RESTART({"name": app, "follow": True}))


def cancel(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Cancel an app's queued and running deploys. The live release keeps serving. Exits 1 if a deploy went live before it could be cancelled.

    Example: deployhost cancel hello
    """
    session = session_of(context, as_json)
    app = AppName(name)
    who = os.environ.get("SUDO_USER") or os.environ.get("LOGNAME")
    result = session.follow(
        DEPLOY_CANCEL({"name": app, "by": who}), f"the daemon cancels it in the background; see deployhost status {app}"
    )
    session.show(result, release_views.cancelled)
    if any(ended["status"] != "cancelled" for ended in result["deploys"]):
        raise typer.Exit(1)


def wait(
    context: typer.Context,
    name: AppArgument,
    timeout: Annotated[
        float | None,
        option("Seconds to wait before exiting with 124 (default: no limit).", "--timeout", metavar="S", least=0),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until an app has no queued or running deploy. Exits 0 if the last requested one is live, else 1 with the reason.

    Example: deployhost wait hello --timeout 300
    """
    session = session_of(context, as_json)
    app = AppName(name)
    if timeout is not None and not math.isfinite(timeout):
        raise InvalidRequest("--timeout takes a number of seconds", hint=f"deployhost wait {app} --timeout 300")
    until = None if timeout is None else time.time() + timeout
    result = session.insist(DEPLOY_WAIT({"name": app, "until": until}), continues(app))
    session.show(result, release_views.waited)
    if not result["live"]:
        raise typer.Exit(1)


def logs(
    context: typer.Context,
    name: AppArgument,
    *,
    follow: Annotated[bool, option("Keep printing new lines.", "--follow", "-f")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Number of lines to show from the end.")] = 100,
    deploy: Annotated[
        int | None, option("Show this deploy's output, even if it failed.", "--deploy", metavar="ID")
    ] = None,
    process: Annotated[
        str | None,
        option("Process to show (default: web).", "--process", "-p", metavar="NAME", complete=complete_process),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the app's standard output and standard error.

    Example: deployhost logs hello -f
    """
    session = session_of(context, as_json)
    app = AppName(name)
    if follow and as_json:
        raise InvalidRequest(
            "--follow can't be combined with --json: the output has no end", hint=f"deployhost logs {app} --json"
        )
    collected: list[Event] = []
    show = collected.append if as_json else _shown(session)
    question = LOGS({"name": app, "lines": lines, "follow": follow or None, "deploy": deploy, "process": process})
    try:
        session.follow(question, "", show)
    except Interrupted as error:
        raise typer.Exit(error.exit_code) from None  # how one stops following: nothing to say
    if as_json:
        found = [_line(event) for event in collected if event["event"] == "log"]
        session.show({"app": app, "lines": found}, lambda _: ())


def continues(app: AppName) -> str:
    """Return what is said when a person stops waiting for a deploy."""
    return f"the deploy continues; deployhost status {app} shows how it ends"


def _follow(session: Session, app: AppName, question: Question["DeployView"]) -> None:
    result = session.follow(question, continues(app))
    session.show(result, lambda _: ())
    session.ended(result)


def _shown(session: Session) -> "Callable[[Event], None]":
    def show(event: "Event") -> None:
        if event["event"] == "note":
            session.warn(f"! {plain(event['text'])}")
        elif event["event"] == "log":
            (session.warn if event["stream"] == "stderr" else session.say)(event["line"])

    return show


def _line(event: "LogEvent") -> dict[str, str]:
    return {"line": event["line"], "stream": event["stream"], "at": event["at"]}
