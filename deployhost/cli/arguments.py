"""The arguments that several verbs have, each written once."""

from typing import Annotated

import typer

from deployhost.cli.completion import complete_app
from deployhost.model import Domain

AppArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The app.", autocompletion=complete_app, show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

DOMAIN_HELP = "A public host name, as in shop.example.com."


def to_domain(text: str) -> Domain:
    """Given a host name as people type it, return the domain: lower case, no final dot. Raise InvalidName."""
    return Domain(text.strip().lower().removesuffix("."))
