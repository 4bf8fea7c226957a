"""converge."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from deployhost.cli.arguments import JsonOption, argument, option
from deployhost.cli.completion import complete_app
from deployhost.cli.session import session_of
from deployhost.control.operations import APP_CONVERGE
from deployhost.model import AppName

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.results import ConvergePlan


def converge(
    context: typer.Context,
    name: Annotated[str | None, argument("NAME", "Repair this app only (default: all apps).", complete_app)] = None,
    dry_run: Annotated[bool, option("Show what would be repaired; change nothing.", "--dry-run")] = False,
    as_json: JsonOption = False,
) -> None:
    """Repair the server and its apps at once. The daemon repairs the same within a minute: lost routes and containers, interrupted deploys.

    Example: deployhost converge --dry-run
    """
    session = session_of(context, as_json)
    app = None if name is None else AppName(name)
    question = APP_CONVERGE({"name": app, "dry_run": dry_run or None})
    session.show(session.follow(question, "the daemon finishes it in the background"), _lines)


def _lines(result: "ConvergePlan") -> Iterator[str]:
    for step in result["steps"]:
        verb = "did" if result["applied"] else "would"
        yield f"{verb}: {step['what']} ({step['why']})"
    for note in result["notes"]:
        yield f"note: {note}"
    if not result["steps"]:
        yield "nothing to repair"
