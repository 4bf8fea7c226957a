"""inspect: what would be built and why, for an app or for a directory."""

from pathlib import Path
from typing import Annotated, Any

import typer

from deployhost.cli import views
from deployhost.cli.arguments import JsonOption
from deployhost.cli.completion import complete_app
from deployhost.cli.session import session_of
from deployhost.errors import AppNotFound, DaemonUnavailable, DeployhostError, InvalidName, NotFound
from deployhost.model import AppName

_NO_SUCH_APP = frozenset({AppNotFound.code, DaemonUnavailable.code, InvalidName.code})


def register(app: typer.Typer) -> None:
    """Given the typer app, add the verb."""
    app.command()(inspect)


def inspect(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME|DIRECTORY", help="An app, or a directory.", autocompletion=complete_app, show_default=False
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show what would be built and why. Nothing is built; a directory needs no server.

    Example: deployhost inspect ./shop
    """
    session = session_of(context, as_json)
    directory = Path(target)
    if "/" in target or target in (".", ".."):
        if not directory.is_dir():
            raise NotFound(f"there is no directory {target}")
        result = of_directory(directory)
    else:
        try:
            result = session.ask("app.inspect", name=AppName(target))
        except DeployhostError as error:
            if error.code not in _NO_SUCH_APP or not directory.is_dir():
                raise
            result = of_directory(directory)
    session.show(result, views.build)


def of_directory(directory: Path) -> dict[str, Any]:
    """Given a directory, return what would be built from it and why, as app.inspect does for an app."""
    from deployhost.build.planning_process import plan_directory  # noqa: PLC0415 - no other verb builds

    return plan_directory(directory, _name_for(directory), storage=None, variables={}).to_json()


def _name_for(directory: Path) -> AppName:
    try:
        return AppName(directory.resolve().name.lower())
    except InvalidName:
        return AppName("app")
