"""deploy, restart, cancel, wait, logs."""

import math
import os
import time
from typing import Annotated, Any

import typer

from deployhost.cli import release_views, views
from deployhost.cli.arguments import AppArgument, JsonOption
from deployhost.cli.completion import complete_process, complete_reference
from deployhost.cli.session import Session, session_of
from deployhost.control.messages import Message
from deployhost.errors import Interrupted, InvalidRequest
from deployhost.model import AppName


def register(app: typer.Typer) -> None:
    """Given the typer app, add these verbs."""
    for verb in (deploy, restart, cancel, wait, logs):
        app.command()(verb)


def deploy(
    context: typer.Context,
    name: AppArgument,
    ref: Annotated[
        str | None,
        typer.Argument(
            metavar="REF",
            help="A branch, a tag, or (the first digits of) a commit; else what was pushed last.",
            autocompletion=complete_reference,
            show_default=False,
        ),
    ] = None,
    *,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build anew, without the build's cache.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy the newest commit that was pushed, or REF. Waits until it is live, or has failed (exit code 1).

    Example: deployhost deploy hello v1.2
    """
    session = session_of(context, as_json)
    app = AppName(name)
    result = session.follow("deploy.start", goes_on(app), name=app, ref=ref, rebuild=rebuild or None, follow=True)
    session.show(result, lambda _: ())
    session.ended(result)


def restart(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Replace the running container by a new one. It is of the same release, and no request is lost.

    Example: deployhost restart hello
    """
    session = session_of(context, as_json)
    app = AppName(name)
    result = session.follow("app.restart", goes_on(app), name=app, follow=True)
    session.show(result, lambda _: ())
    session.ended(result)


def cancel(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """End the deploys of an app that are queued or running. What serves goes on serving; one that went live meanwhile is told (exit code 1).

    Example: deployhost cancel hello
    """
    session = session_of(context, as_json)
    app = AppName(name)
    who = os.environ.get("SUDO_USER") or os.environ.get("LOGNAME")
    result = session.follow("deploy.cancel", f"it is being cancelled; deployhost status {app}", name=app, by=who)
    session.show(result, release_views.cancelled)
    if any(ended["status"] != "cancelled" for ended in result["deploys"]):
        raise typer.Exit(1)


def wait(
    context: typer.Context,
    name: AppArgument,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="S", min=0, help="Seconds to wait at most (exit code 124).", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until nothing of an app is queued or running. Exit code 0: what was asked for last is live; 1: it is not, and why.

    Example: deployhost wait hello --timeout 300
    """
    session = session_of(context, as_json)
    app = AppName(name)
    if timeout is not None and not math.isfinite(timeout):
        raise InvalidRequest("--timeout takes a number of seconds", hint=f"deployhost wait {app} --timeout 300")
    until = None if timeout is None else time.time() + timeout
    result = session.insist("deploy.wait", goes_on(app), name=app, until=until)
    session.show(result, release_views.waited)
    if not result["live"]:
        raise typer.Exit(1)


def logs(
    context: typer.Context,
    name: AppArgument,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what the app writes from now on.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 100,
    deploy: Annotated[
        int | None,
        typer.Option(
            "--deploy", metavar="ID", help="Of that deploy's container, also a failed one's.", show_default=False
        ),
    ] = None,
    process: Annotated[
        str | None,
        typer.Option(
            "--process",
            "-p",
            metavar="NAME",
            help="Of that process, as a worker; else web.",
            autocompletion=complete_process,
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the app wrote. That is its standard output and its errors.

    Example: deployhost logs hello -f
    """
    session = session_of(context, as_json)
    app = AppName(name)
    if follow and as_json:
        raise InvalidRequest(
            "logs that are followed never end, so they are no JSON document", hint=f"deployhost logs {app} --json"
        )
    collected: list[Message] = []
    show = collected.append if as_json else _shown(session)
    try:
        session.follow("logs", "", show, name=app, lines=lines, follow=follow or None, deploy=deploy, process=process)
    except Interrupted as error:
        raise typer.Exit(error.exit_code) from None  # how one stops following: nothing to say
    if as_json:
        found = [{key: event.get(key) for key in ("line", "stream", "at")} for event in collected if _is_log(event)]
        session.show({"app": app, "lines": found}, views.logs)


def goes_on(app: AppName) -> str:
    """Given an app, return what is said when somebody stops waiting for its deploy."""
    return f"the deploy goes on; deployhost status {app} shows how it ends"


def _shown(session: Session) -> Any:
    def show(event: Message) -> None:
        if event.get("event") == "note":
            session.warn(f"! {event.get('text', '')}")
        elif _is_log(event):
            (session.warn if event.get("stream") == "stderr" else session.say)(str(event.get("line", "")))

    return show


def _is_log(event: Message) -> bool:
    return event.get("event") == "log"
