"""add, list, status, remove."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from deployhost.cli import views
from deployhost.cli.arguments import DOMAIN_HELP, AppArgument, JsonOption, to_domain
from deployhost.cli.completion import complete_app
from deployhost.cli.session import Session, session_of
from deployhost.errors import InvalidRequest
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
    session.show(session.ask("app.list"), lambda result: views.app_list(result, datetime.now(UTC)))


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


def remove(
    context: typer.Context,
    name: AppArgument,
    *,
    storage: Annotated[bool, typer.Option("--storage", help="Delete its data too; nothing brings it back.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove an app. Its containers, images, repository, variables and addresses go; its storage stays unless you say so.

    Example: deployhost remove hello --dry-run
    """
    session = session_of(context, as_json)
    app = AppName(name)
    if not yes and not dry_run and (as_json or not session.interactive):
        # An app that is not there is told before a yes is asked for.
        session.ask("app.remove", name=app, storage=storage, dry_run=True)
        keep = " --storage" if storage else ""
        raise InvalidRequest(
            f"removing {app} needs --yes where nobody can be asked", hint=f"deployhost remove {app}{keep} --yes"
        )
    if (dry_run or not yes) and not _agreed(session, app, storage, dry_run):
        return
    result = session.follow("app.remove", f"the removal of {app} goes on", name=app, storage=storage, dry_run=False)
    session.show(result, views.removal)


def _agreed(session: Session, app: AppName, storage: bool, dry_run: bool) -> bool:
    """Show what would be deleted, and return whether to go on."""
    plan = session.ask("app.remove", name=app, storage=storage, dry_run=True)
    session.show(plan, views.removal)
    if dry_run:
        return False
    if session.confirm(f"Remove {app}?"):
        return True
    session.warn("nothing was removed")
    raise typer.Exit(1)
