"""releases, rollback."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from deployhost.cli import release_views
from deployhost.cli.arguments import AppArgument, JsonOption, argument, option
from deployhost.cli.completion import complete_release
from deployhost.cli.deploys import continues
from deployhost.cli.session import session_of
from deployhost.control.operations import APP_ROLLBACK, RELEASES_LIST
from deployhost.model import AppName


def releases(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """List an app's releases, newest first. Shows which one is live, why the others are not, and whether their image is still there.

    Example: deployhost releases hello
    """
    session = session_of(context, as_json)
    result = session.ask(RELEASES_LIST({"name": AppName(name)}))
    session.show(result, lambda shown: release_views.releases(shown, datetime.now(UTC)))


def rollback(
    context: typer.Context,
    name: AppArgument,
    release: Annotated[
        str | None,
        argument(
            "RELEASE", "Version or its first digits (default: the release before the live one).", complete_release
        ),
    ] = None,
    *,
    dry_run: Annotated[bool, option("Show which release it would roll back to; change nothing.", "--dry-run")] = False,
    as_json: JsonOption = False,
) -> None:
    """Roll back to an earlier release. Needs no build, uses the current settings and loses no request. The next push rolls forward.

    Example: deployhost rollback hello
    """
    session = session_of(context, as_json)
    app = AppName(name)
    if dry_run:
        result = session.ask(APP_ROLLBACK({"name": app, "release": release, "dry_run": True}))
    else:
        result = session.follow(APP_ROLLBACK({"name": app, "release": release, "follow": True}), continues(app))
    session.show(result, lambda shown: release_views.rollback(shown, datetime.now(UTC)))
    session.ended(result["deploy"])
