"""remove."""

from typing import Annotated

import typer

from deployhost.cli import views
from deployhost.cli.arguments import AppArgument, JsonOption
from deployhost.cli.session import Session, session_of
from deployhost.errors import InvalidRequest
from deployhost.model import AppName


def register(app: typer.Typer) -> None:
    """Given the typer app, add the verb."""
    app.command()(remove)


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
