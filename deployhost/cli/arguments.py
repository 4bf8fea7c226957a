"""The arguments that several verbs have, each written once."""

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
