"""env set, unset, list, import."""

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployhost.cli import views
from deployhost.cli.arguments import AppArgument, JsonOption, argument, group, option
from deployhost.cli.completion import complete_variable
from deployhost.cli.deploys import continues
from deployhost.cli.session import Session, session_of
from deployhost.control.operations import ENV_LIST, ENV_SET, ENV_UNSET, Question
from deployhost.errors import FileProblem, InvalidRequest, NotFound
from deployhost.model import AppName, EnvName

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.results import EnvChanged, EnvFound


def set_(
    context: typer.Context,
    name: AppArgument,
    values: Annotated[list[str] | None, argument("KEY=VALUE", "Variable and its value. May be repeated.")] = None,
    *,
    from_stdin: Annotated[
        str | None, option("Read this variable's value from standard input.", "--from-stdin", metavar="KEY")
    ] = None,
    file: Annotated[
        list[str] | None, option("Read a value from a file, unchanged. May be repeated.", "--file", metavar="KEY=PATH")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Set variables. --from-stdin and --file keep a value out of the shell history and of ps.

    Example: deployhost env set hello LOG_LEVEL=debug --file KEY=./key.pem
    """
    session = session_of(context, as_json)
    app = AppName(name)
    wanted = [_pair(text) for text in values or []]
    wanted += [(key, content(Path(path))) for key, path in map(_pair, file or [])]
    if from_stdin is not None:
        key = EnvName(from_stdin)
        wanted.append((key, _typed(session, key)))
    _set(session, app, _unique(wanted))


def unset(
    context: typer.Context,
    name: AppArgument,
    names: Annotated[list[str], argument("KEY", complete=complete_variable)],
    as_json: JsonOption = False,
) -> None:
    """Remove variables.

    Example: deployhost env unset hello LOG_LEVEL
    """
    session = session_of(context, as_json)
    app = AppName(name)
    keys = [EnvName(one) for one in names]
    _change(session, app, ENV_UNSET({"name": app, "names": keys, "follow": True}), "removed")


def list_(
    context: typer.Context,
    name: AppArgument,
    reveal: Annotated[bool, option("Print the values, as a .env file.", "--reveal")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the variables of an app. Values are hidden without --reveal.

    Example: deployhost env list hello
    """
    session = session_of(context, as_json)
    result = session.ask(ENV_LIST({"name": AppName(name), "reveal": reveal or None}))
    session.show(result, _revealed if reveal else _masked)


def import_(
    context: typer.Context,
    name: AppArgument,
    file: Annotated[str, argument("FILE", "A .env file, or - for standard input.")],
    as_json: JsonOption = False,
) -> None:
    """Set the variables of a .env file. Other variables stay unchanged.

    Example: deployhost env import hello .env
    """
    from deployhost.config import dotenv  # noqa: PLC0415 - only this verb needs it

    session = session_of(context, as_json)
    app = AppName(name)
    text = session.stdin.read() if file == "-" else content(Path(file))
    _set(session, app, dotenv.parse(text, "standard input" if file == "-" else file))


def _set(session: Session, app: AppName, values: Mapping[EnvName, str]) -> None:
    if not values:
        raise InvalidRequest("no variables given", hint=f"deployhost env set {app} KEY=VALUE")
    named = {str(key): value for key, value in values.items()}
    _change(session, app, ENV_SET({"name": app, "values": named, "follow": True}), "set")


def _change(session: Session, app: AppName, question: Question["EnvChanged"], verb: str) -> None:
    result = session.follow(question, continues(app))
    session.show(result, lambda shown: views.env_changed(shown, verb))
    session.ended(result["deploy"])


def _pair(text: str) -> tuple[EnvName, str]:
    key, equals, value = text.partition("=")
    if not equals:
        # It may be a value whose name was forgotten, so it is not printed.
        raise InvalidRequest("expected KEY=VALUE", hint="deployhost env set --help")
    return EnvName(key), value


def _unique(pairs: list[tuple[EnvName, str]]) -> dict[EnvName, str]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = [key for key in values if sum(key == other for other, _ in pairs) > 1]
        raise InvalidRequest(f"{', '.join(twice)} given more than once")
    return values


def _typed(session: Session, key: EnvName) -> str:
    if session.interactive:
        return getpass.getpass(f"{key}: ", stream=session.stderr)
    text = session.stdin.read()
    # `echo secret |` ends the line; a value that ends in a newline of its own is given by --file.
    return text.removesuffix("\n").removesuffix("\r")


def content(path: Path) -> str:
    """Return the text of a file that a person names. Raises NotFound, InvalidRequest, FileProblem."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path} is not UTF-8 text; encode it first, for example with base64") from None
    except OSError as error:
        raise FileProblem(f"can't read {path}: {error.strerror}") from error


def _masked(result: "EnvFound") -> list[str]:
    rows = [(entry["name"], "***", entry["updated_at"]) for entry in result["env"]]
    return views.table(("NAME", "VALUE", "SET AT"), rows) if rows else [f"{result['app']} has no variables"]


def _revealed(result: "EnvFound") -> list[str]:
    from deployhost.config import dotenv  # noqa: PLC0415 - only this verb needs it

    text = dotenv.render({EnvName(entry["name"]): entry["value"] or "" for entry in result["env"]})
    return [text.removesuffix("\n")] if text else []


env = group(
    "Manage environment variables. A change takes effect at once, without a build.", set_, unset, list_, import_
)
