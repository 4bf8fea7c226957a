"""inspect: what would be built and why, for an app or for a directory."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from deployhost.cli import views
from deployhost.cli.arguments import JsonOption, argument
from deployhost.cli.completion import complete_app
from deployhost.cli.session import session_of
from deployhost.control.operations import APP_INSPECT
from deployhost.errors import AppNotFound, DaemonUnavailable, DeployhostError, InvalidName, NotFound
from deployhost.model import AppName

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.views import BuildView

_NO_SUCH_APP = frozenset({AppNotFound.code, DaemonUnavailable.code, InvalidName.code})


def inspect(
    context: typer.Context,
    target: Annotated[str, argument("NAME|DIRECTORY", "Name of an app, or a directory.", complete_app)],
    as_json: JsonOption = False,
) -> None:
    """Show what would be built and why, without building it. A directory can be inspected on any machine.

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
            result = session.ask(APP_INSPECT({"name": AppName(target)}))
        except DeployhostError as error:
            if error.code not in _NO_SUCH_APP or not directory.is_dir():
                raise
            result = of_directory(directory)
    session.show(result, views.build)


def of_directory(directory: Path) -> "BuildView":
    """Return what would be built from a directory and why."""
    from deployhost.build.planning_process import plan_directory  # noqa: PLC0415 - no other verb builds

    plan = plan_directory(directory, _name_for(directory), storage=None, variables={})
    return cast("BuildView", plan.to_json())


def _name_for(directory: Path) -> AppName:
    try:
        return AppName(directory.resolve().name.lower())
    except InvalidName:
        return AppName("app")
