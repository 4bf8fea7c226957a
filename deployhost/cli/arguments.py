"""The arguments that several verbs have, each written once, and groups of verbs."""

from collections.abc import Callable
from typing import Annotated

import typer

from deployhost.cli.completion import complete_app
from deployhost.model import Domain

AppArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the app.", autocompletion=complete_app, show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

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
