"""The arguments that several verbs have, each written once, and groups of verbs."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from deployhost.cli.completion import complete_app
from deployhost.model import Domain

Completion = Callable[[typer.Context, str], list[str]]


def argument(metavar: str, summary: str | None = None, complete: Completion | None = None) -> Any:
    """Return an argument. Where it may be left out, its summary says what is taken then."""
    return typer.Argument(metavar=metavar, help=summary, autocompletion=complete, show_default=False)


def option(
    summary: str, *names: str, metavar: str | None = None, complete: Completion | None = None, least: int | None = None
) -> Any:
    """Return an option. Where it takes a value, its summary says what is taken without one."""
    return typer.Option(*names, metavar=metavar, help=summary, autocompletion=complete, min=least, show_default=False)


AppArgument = Annotated[str, argument("NAME", "Name of the app.", complete_app)]
JsonOption = Annotated[bool, option("Print one JSON document.", "--json")]
ReplaceOption = Annotated[
    bool, option("Replace DNS records of these domains that deployhost did not make.", "--replace")
]

DOMAIN_HELP = "Public host name, such as shop.example.com."


def to_domain(text: str) -> Domain:
    """Return the domain that a person typed: in lower case, without a final dot. Raises InvalidName."""
    return Domain(text.strip().lower().removesuffix("."))


def group(summary: str, *verbs: Callable[..., None]) -> typer.Typer:
    """Return verbs as a group, each by the name of its function."""
    made = typer.Typer(help=summary, rich_markup_mode=None)
    for verb in verbs:
        made.command(verb.__name__.rstrip("_"))(verb)
    return made
