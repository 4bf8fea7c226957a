"""deploy, restart, logs."""

from typing import Annotated, Any

import typer

from deployhost.cli import views
from deployhost.cli.arguments import AppArgument, JsonOption
from deployhost.cli.session import Session, session_of
from deployhost.control.messages import Message
from deployhost.errors import Interrupted, InvalidRequest
from deployhost.model import AppName


def register(app: typer.Typer) -> None:
    """Given the typer app, add these verbs."""
    for verb in (deploy, restart, logs):
        app.command()(verb)


def deploy(
    context: typer.Context,
    name: AppArgument,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build anew, without the build's cache.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy the newest commit that was pushed. Waits until it is live, or has failed (exit code 1).

    Example: deployhost deploy hello --rebuild
    """
    session = session_of(context, as_json)
    app = AppName(name)
    result = session.follow("deploy.start", goes_on(app), name=app, rebuild=rebuild or None, follow=True)
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
        session.follow("logs", "", show, name=app, lines=lines, follow=follow or None, deploy=deploy)
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
        if _is_log(event):
            (session.warn if event.get("stream") == "stderr" else session.say)(str(event.get("line", "")))

    return show


def _is_log(event: Message) -> bool:
    return event.get("event") == "log"
