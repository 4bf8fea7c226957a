"""export: an app as a project that other tools deploy."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, TypedDict

import typer

from deployhost.cli.arguments import AppArgument, JsonOption, option
from deployhost.cli.session import session_of
from deployhost.control.operations import APP_EXPORT
from deployhost.errors import Conflict, FileProblem
from deployhost.model import AppName


class Written(TypedDict):
    """What was written, and what to know of it."""

    app: str
    version: str
    directory: str
    files: list[str]
    notes: list[str]


def export(
    context: typer.Context,
    name: AppArgument,
    kamal: Annotated[Path, option("Write a Kamal project into this directory.", "--kamal", metavar="DIR")],
    force: Annotated[bool, option("Overwrite existing files.", "--force")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the app as a Kamal project, to deploy it to other servers. Nothing changes on this one.

    Example: deployhost export shop --kamal ./shop
    """
    session = session_of(context, as_json)
    found = session.ask(APP_EXPORT({"name": AppName(name)}))
    again = f"deployhost export {found['app']} --kamal {shlex.quote(str(kamal))} --force"
    written = write(kamal, found["files"], again=None if force else again)
    result: Written = {
        "app": found["app"],
        "version": found["version"],
        "directory": str(kamal.absolute()),
        "files": written,
        "notes": found["notes"],
    }
    session.show(result, _lines)


def write(directory: Path, files: Mapping[str, str], *, again: str | None) -> list[str]:
    """Write the texts whose file in the directory differs, and return their paths.

    Raises Conflict with the hint `again`, before anything is written, if a file would be overwritten (None: it may be); FileProblem.
    """
    try:
        wanted = {path: text for path, text in files.items() if _now(directory / path) != text}
        taken = [path for path in wanted if (directory / path).exists() or (directory / path).is_symlink()]
        if taken and again is not None:
            why = "nothing was written; --force overwrites them"
            raise Conflict(f"{directory} already has {', '.join(taken)}", hint=again, details=(why,))
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


def _lines(result: Written) -> Iterator[str]:
    for path in result["files"]:
        yield f"wrote {result['directory']}/{path}"
    if not result["files"]:
        yield f"{result['directory']} is up to date"
    for note in result["notes"]:
        yield f"note: {note}"
    yield f"next: fill in what is marked REPLACE in {result['directory']}/config/deploy.yml, then read KAMAL.md"
