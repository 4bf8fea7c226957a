"""domains add, remove, list."""

from typing import Annotated

import typer

from deployhost.cli import domain_views
from deployhost.cli.arguments import (
    DOMAIN_HELP,
    AppArgument,
    JsonOption,
    ReplaceOption,
    argument,
    group,
    to_domain,
)
from deployhost.cli.completion import complete_domain
from deployhost.cli.session import PATIENCE, session_of
from deployhost.control.operations import DOMAINS_ADD, DOMAINS_LIST, DOMAINS_REMOVE
from deployhost.model import AppName


def add(
    context: typer.Context,
    name: AppArgument,
    domains: Annotated[list[str], argument("DOMAIN", DOMAIN_HELP)],
    *,
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add domains to an app; they work at once. A domain in a connected Cloudflare zone gets its DNS record and is served at https.

    Example: deployhost domains add shop shop.example.com www.example.com
    """
    session = session_of(context, as_json)
    wanted = [to_domain(one) for one in domains]
    result = session.ask(DOMAINS_ADD({"name": AppName(name), "domains": wanted, "replace": replace or None}), PATIENCE)
    session.show(result, lambda shown: domain_views.added(shown, wanted))


def remove(
    context: typer.Context,
    name: AppArgument,
    domains: Annotated[list[str], argument("DOMAIN", DOMAIN_HELP, complete_domain)],
    as_json: JsonOption = False,
) -> None:
    """Remove domains from an app, with the DNS records that deployhost made for them.

    Example: deployhost domains remove shop www.shop.example.com
    """
    session = session_of(context, as_json)
    result = session.ask(
        DOMAINS_REMOVE({"name": AppName(name), "domains": [to_domain(one) for one in domains]}), PATIENCE
    )
    session.show(result, domain_views.removed)


def list_(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """List the domains of an app, each with the state of its DNS record.

    Example: deployhost domains list shop
    """
    session = session_of(context, as_json)
    session.show(session.ask(DOMAINS_LIST({"name": AppName(name)})), domain_views.domains)


domains = group("Manage the host names of an app.", add, remove, list_)
