"""converge."""

from collections.abc import Iterator
from typing import Annotated

import typer

from deployhost.cli.arguments import JsonOption
from deployhost.cli.completion import complete_app
from deployhost.cli.session import session_of
from deployhost.control.messages import Message
from deployhost.model import AppName


def register(app: typer.Typer) -> None:
    """Given the typer app, add this verb."""
    app.command()(converge)


def converge(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One app; else all.", autocompletion=complete_app, show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be mended.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Mend at once what the daemon mends every few seconds: routes, containers, deploys that broke off, what Kamal did.

    Example: deployhost converge --dry-run
    """
    session = session_of(context, as_json)
    app = None if name is None else AppName(name)
    session.show(session.follow("app.converge", "it is mended all the same", name=app, dry_run=dry_run or None), _lines)


def _lines(result: Message) -> Iterator[str]:
    for step in result["steps"]:
        verb = "did" if result["applied"] else "would"
        yield f"{verb}: {step['what']} ({step['why']})"
    for note in result["notes"]:
        yield f"note: {note}"
    if not result["steps"]:
        yield "nothing to mend"
