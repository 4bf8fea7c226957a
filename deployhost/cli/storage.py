"""storage enable, disable, show."""

from collections.abc import Mapping
from typing import Any

import typer

from deployhost.cli import views
from deployhost.cli.arguments import AppArgument, JsonOption
from deployhost.cli.deploys import goes_on
from deployhost.cli.session import session_of
from deployhost.model import AppName

MOUNTED_AT = "/storage"


def register(app: typer.Typer) -> None:
    """Given the typer app, add the group."""
    group = typer.Typer(rich_markup_mode=None)
    for verb in (enable, disable, show):
        group.command()(verb)
    app.add_typer(group, name="storage", help=f"A directory at {MOUNTED_AT} that outlives deploys.")


def enable(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Give the app a directory at /storage that outlives its deploys.

    Example: deployhost storage enable hello
    """
    _change(context, name, as_json, "storage.enable")


def disable(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Take /storage away from the app; the directory and all that is in it stay on the server.

    Example: deployhost storage disable hello
    """
    _change(context, name, as_json, "storage.disable")


def show(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Show where the app's storage lies on the server.

    Example: deployhost storage show hello
    """
    session = session_of(context, as_json)
    app = AppName(name)
    (found,) = session.ask("app.status", name=app)["apps"]
    session.show({"app": app, "path": found["storage"], "mounted_at": MOUNTED_AT}, views.storage)


def _change(context: typer.Context, name: str, as_json: bool, op: str) -> None:
    session = session_of(context, as_json)
    app = AppName(name)
    result: Mapping[str, Any] = session.follow(op, goes_on(app), name=app, follow=True)
    kept = f"{app} has no storage any more; {result['path']} stays as it is"
    session.show(result, lambda shown: views.storage(shown) if op == "storage.enable" else [kept])
    session.ended(result.get("deploy"))
