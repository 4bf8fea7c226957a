"""export: an app as a project that other tools deploy."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from deployhost.cli.arguments import AppArgument, JsonOption
from deployhost.cli.session import session_of
from deployhost.errors import Conflict, FileProblem
from deployhost.model import AppName


def register(app: typer.Typer) -> None:
    """Given the typer app, add the verb."""
    app.command()(export)


def export(
    context: typer.Context,
    name: AppArgument,
    kamal: Annotated[
        Path,
        typer.Option("--kamal", metavar="DIR", help="Write a Kamal project into this directory.", show_default=False),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the app as a Kamal project. With it a team deploys to servers of its own; nothing changes here.

    Example: deployhost export shop --kamal ./shop
    """
    session = session_of(context, as_json)
    found = session.ask("app.export", name=AppName(name))
    again = f"deployhost export {found['app']} --kamal {shlex.quote(str(kamal))} --force"
    written = write(kamal, found["files"], again=None if force else again)
    result = {"app": found["app"], "version": found["version"], "directory": str(kamal.absolute()), "files": written}
    session.show({**result, "notes": found["notes"]}, _lines)


def write(directory: Path, files: Mapping[str, str], *, again: str | None) -> list[str]:
    """Given a directory and texts by relative path, write those that differ and return their paths.

    Raise Conflict with the command `again`, nothing written, if that would replace something (None: it may); FileProblem.
    """
    try:
        wanted = {path: text for path, text in files.items() if _now(directory / path) != text}
        taken = [path for path in wanted if (directory / path).exists() or (directory / path).is_symlink()]
        if taken and again is not None:
            why = "nothing was written; --force replaces them"
            raise Conflict(f"{directory} has {', '.join(taken)} already", hint=again, details=(why,))
        for path, text in wanted.items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.is_symlink():
                file.unlink()  # what it leads to is none of the project's
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileProblem(f"can't write into {directory}: {error.strerror}") from error
    return sorted(wanted)


def _now(path: Path) -> str | None:
    try:
        return None if path.is_symlink() else path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    for path in result["files"]:
        yield f"wrote {result['directory']}/{path}"
    if not result["files"]:
        yield f"{result['directory']} has all of it already"
    for note in result["notes"]:
        yield f"note: {note}"
    yield f"next: what is marked REPLACE in {result['directory']}/config/deploy.yml, then KAMAL.md"
