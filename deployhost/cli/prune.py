"""prune."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from deployhost.cli.arguments import JsonOption, option
from deployhost.cli.session import session_of
from deployhost.control.operations import PRUNE
from deployhost.sizes import readable_size

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.results import Pruned


def prune(
    context: typer.Context,
    dry_run: Annotated[bool, option("Show what would be removed; change nothing.", "--dry-run")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove containers, images and build cache that no app needs. Whatever runs, can be rolled back to or is not deployhost's stays.

    Example: deployhost prune --dry-run
    """
    session = session_of(context, as_json)
    question = PRUNE({"dry_run": dry_run or None})
    session.show(session.follow(question, "the daemon finishes it in the background"), _lines)


def _lines(result: "Pruned") -> Iterator[str]:
    verb = "removed" if result["applied"] else "would remove"
    surplus: list[str] = []
    for app in result["apps"]:
        surplus += [f"container {name}" for name in app["containers"]]
        surplus += [f"image {name}" for name in app["images"]]
    cache = result["cache"]
    if cache["records"]:
        surplus.append(f"{cache['records']} records of the build cache, {readable_size(cache['bytes'])}")
    yield from [f"{verb} {one}" for one in surplus] or ["nothing to remove"]
    freed = f"{readable_size(result['freed_bytes'])} freed, " if result["applied"] else ""
    disk = result["disk"]
    yield f"{freed}{readable_size(disk['free_bytes'])} of {readable_size(disk['total_bytes'])} free on {disk['path']}"
