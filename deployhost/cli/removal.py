"""remove."""

from typing import Annotated

import typer

from deployhost.cli import views
from deployhost.cli.arguments import AppArgument, JsonOption, option
from deployhost.cli.session import session_of
from deployhost.control.operations import APP_REMOVE
from deployhost.errors import InvalidRequest
from deployhost.model import AppName


def remove(
    context: typer.Context,
    name: AppArgument,
    *,
    storage: Annotated[bool, option("Delete its stored data too; this can't be undone.", "--storage")] = False,
    dry_run: Annotated[bool, option("Show what would be deleted; change nothing.", "--dry-run")] = False,
    yes: Annotated[bool, option("Do not ask for confirmation.", "--yes", "-y")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove an app. Deletes its containers, images, repository, variables and domains. Its stored data stays without --storage.

    Example: deployhost remove hello --dry-run
    """
    session = session_of(context, as_json)
    app = AppName(name)
    if dry_run or not yes:
        # An app that does not exist is reported first.
        plan = session.ask(APP_REMOVE({"name": app, "storage": storage, "dry_run": True}))
        if not dry_run and (as_json or not session.interactive):
            keep = " --storage" if storage else ""
            raise InvalidRequest(
                f"removing {app} needs --yes where no terminal is there to ask on",
                hint=f"deployhost remove {app}{keep} --yes",
            )
        session.show(plan, views.removal)
        if dry_run:
            return
        if not session.confirm(f"Remove {app}?"):
            session.warn("nothing was removed")
            raise typer.Exit(1)
    result = session.follow(
        APP_REMOVE({"name": app, "storage": storage, "dry_run": False}), f"the removal of {app} continues"
    )
    session.show(result, views.removal)
