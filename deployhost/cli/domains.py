"""domains add, remove, list."""

from typing import Annotated

import typer

from deployhost.cli import views
from deployhost.cli.arguments import DOMAIN_HELP, AppArgument, JsonOption, argument, group, to_domain
from deployhost.cli.completion import complete_domain
from deployhost.cli.session import session_of
from deployhost.control.operations import DOMAINS_ADD, DOMAINS_LIST, DOMAINS_REMOVE
from deployhost.model import AppName


def add(
    context: typer.Context,
    name: AppArgument,
    domains: Annotated[list[str], argument("DOMAIN", DOMAIN_HELP)],
    as_json: JsonOption = False,
) -> None:
    """Add domains to an app; they work at once.

    Example: deployhost domains add shop shop.example.com www.shop.example.com
    """
    session = session_of(context, as_json)
    result = session.ask(DOMAINS_ADD({"name": AppName(name), "domains": [to_domain(one) for one in domains]}))
    session.show(result, lambda shown: views.domains_changed(shown, "added"))


def remove(
    context: typer.Context,
    name: AppArgument,
    domains: Annotated[list[str], argument("DOMAIN", DOMAIN_HELP, complete_domain)],
    as_json: JsonOption = False,
) -> None:
    """Remove domains from an app.

    Example: deployhost domains remove shop www.shop.example.com
    """
    session = session_of(context, as_json)
    result = session.ask(DOMAINS_REMOVE({"name": AppName(name), "domains": [to_domain(one) for one in domains]}))
    session.show(result, lambda shown: views.domains_changed(shown, "removed"))


def list_(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """List the addresses of an app.

    Example: deployhost domains list shop
    """
    session = session_of(context, as_json)
    session.show(session.ask(DOMAINS_LIST({"name": AppName(name)})), views.domains)


domains = group("Manage the host names of an app.", add, remove, list_)
