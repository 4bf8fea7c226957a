"""add, list, status."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from deployhost.cli import views
from deployhost.cli.arguments import DOMAIN_HELP, JsonOption, to_domain
from deployhost.cli.completion import complete_app
from deployhost.cli.session import Session, session_of
from deployhost.control.messages import Message
from deployhost.control.progress import error_lines
from deployhost.model import AppName, Branch


def register(app: typer.Typer) -> None:
    """Given the typer app, add these verbs."""
    for verb in (add, list_, status):
        app.command(verb.__name__.rstrip("_"))(verb)


def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name: a-z, 0-9 and hyphens.", show_default=False)],
    branch: Annotated[
        str | None,
        typer.Option("--branch", "-b", help="The branch to deploy; else that of the first push.", show_default=False),
    ] = None,
    domain: Annotated[
        list[str] | None, typer.Option("--domain", "-d", help=f"{DOMAIN_HELP} May be repeated.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Add an app: a repository to push to, and an address.

    Example: deployhost add shop --domain shop.example.com
    """
    session = session_of(context, as_json)
    app = AppName(name)
    wanted = Branch(branch) if branch is not None else None
    domains = [to_domain(one) for one in domain or []]
    session.show(session.ask("app.add", name=app, branch=wanted, domains=domains or None), views.app_added)


def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the apps.

    Example: deployhost list
    """
    session = session_of(context, as_json)
    result = session.ask("app.list")
    session.show(result, lambda shown: views.app_list(shown, datetime.now(UTC)))
    _warn(session, result)


def status(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One app; else all.", autocompletion=complete_app, show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the server and the apps. For each: what is live, and how the last deploy went.

    Example: deployhost status hello
    """
    session = session_of(context, as_json)
    result = session.ask("app.status", name=None if name is None else AppName(name))
    session.show(result, lambda shown: views.status(shown, datetime.now(UTC)))
    _warn(session, result)


def _warn(session: Session, result: Message) -> None:
    """Say what is wrong with apps.yml, beside what is known without it."""
    for line in error_lines(result["problem"], "warning") if result.get("problem") else ():
        session.warn(line)
