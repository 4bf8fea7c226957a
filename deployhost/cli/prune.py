"""prune."""

from collections.abc import Iterator
from typing import Annotated

import typer

from deployhost.cli.arguments import JsonOption
from deployhost.cli.session import session_of
from deployhost.control.messages import Message


def register(app: typer.Typer) -> None:
    """Given the typer app, add this verb."""
    app.command()(prune)


def prune(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what no app needs any more. What runs, what can be rolled back to and what is not deployhost's stays.

    Example: deployhost prune --dry-run
    """
    session = session_of(context, as_json)
    session.show(session.follow("prune", "what was begun is finished", dry_run=dry_run or None), _lines)


def _lines(result: Message) -> Iterator[str]:
    verb = "removed" if result["applied"] else "would remove"
    anything = False
    for app in result["apps"]:
        for kind in ("containers", "images"):
            for name in app[kind]:
                anything = True
                yield f"{verb} {kind.removesuffix('s')} {name}"
    cache = result["cache"]
    if cache["records"]:
        anything = True
        yield f"{verb} {cache['records']} records of the build cache, {_size(cache['bytes'])}"
    if not anything:
        yield "nothing to remove"
    freed = f"{_size(result['freed_bytes'])} freed, " if result["applied"] else ""
    disk = result["disk"]
    yield f"{freed}{_size(disk['free_bytes'])} of {_size(disk['total_bytes'])} free on {disk['path']}"


def _size(size: int) -> str:
    return f"{size / 1024**3:.1f} GB" if size >= 1024**3 else f"{size / 1024**2:.0f} MB"
