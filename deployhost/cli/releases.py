"""releases, rollback."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from deployhost.cli import release_views
from deployhost.cli.arguments import AppArgument, JsonOption
from deployhost.cli.completion import complete_release
from deployhost.cli.deploys import goes_on
from deployhost.cli.session import session_of
from deployhost.model import AppName


def register(app: typer.Typer) -> None:
    """Given the typer app, add these verbs."""
    for verb in (releases, rollback):
        app.command()(verb)


def releases(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """List an app's releases, the newest first. What is live, why the others no longer are, and which one can be gone back to.

    Example: deployhost releases hello
    """
    session = session_of(context, as_json)
    result = session.ask("releases.list", name=AppName(name))
    session.show(result, lambda shown: release_views.releases(shown, datetime.now(UTC)))


def rollback(
    context: typer.Context,
    name: AppArgument,
    release: Annotated[
        str | None,
        typer.Argument(
            metavar="RELEASE",
            help="A version or its first digits; else the release before.",
            autocompletion=complete_release,
            show_default=False,
        ),
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be gone back to.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Go back to an earlier release. Nothing is built, its settings are today's, and no request is lost; the next push goes forward again.

    Example: deployhost rollback hello
    """
    session = session_of(context, as_json)
    app = AppName(name)
    if dry_run:
        plan = session.ask("app.rollback", name=app, release=release, dry_run=True)
        session.show(plan, lambda shown: release_views.rollback(shown, datetime.now(UTC)))
        return
    result = session.follow("app.rollback", goes_on(app), name=app, release=release, follow=True)
    session.show(result, lambda shown: release_views.rollback(shown, datetime.now(UTC)))
    session.ended(result["deploy"])
