"""add, list, status."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from deployhost.cli import views
from deployhost.cli.arguments import DOMAIN_HELP, JsonOption, ReplaceOption, argument, option, to_domain
from deployhost.cli.completion import complete_app
from deployhost.cli.session import PATIENCE, Session, session_of
from deployhost.control.operations import APP_ADD, APP_LIST, APP_STATUS
from deployhost.control.progress import error_lines
from deployhost.errors import InvalidRequest
from deployhost.model import AppName, Branch

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.results import AppsFound


def add(
    context: typer.Context,
    name: Annotated[
        str, argument("NAME|OWNER/REPO", "A name of a-z, 0-9 and hyphens, or a repository on GitHub (its URL is fine).")
    ],
    *,
    branch: Annotated[
        str | None,
        option("Branch to deploy (default: that of the first push, or GitHub's default branch).", "--branch", "-b"),
    ] = None,
    domain: Annotated[list[str] | None, option(f"{DOMAIN_HELP} May be repeated.", "--domain", "-d")] = None,
    replace: ReplaceOption = False,
    app: Annotated[
        str | None, option("Name of the app (default: that of the repository). GitHub only.", "--name", metavar="NAME")
    ] = None,
    env_file: Annotated[
        str | None,
        option(
            "Set the variables of a .env file (-: standard input) before the first deploy. GitHub only.",
            "--env-file",
            metavar="FILE",
        ),
    ] = None,
    no_deploy: Annotated[bool, option("Wait for the next push. GitHub only.", "--no-deploy")] = False,
    yes: Annotated[
        bool, option("Turn an existing app into one of the repository without asking.", "--yes", "-y")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add an app: NAME, to push to on this server, or OWNER/REPO, a repository on GitHub.

    A repository on GitHub is deployed at once, and after each push to its branch. Exits 1 if the deploy fails.

    Example: deployhost add acme/shop --domain shop.example.com
    """
    session = session_of(context, as_json)
    domains = [to_domain(one) for one in domain or []]
    wanted = Branch(branch) if branch is not None else None
    if "/" in name or ":" in name:
        from deployhost.cli import add_source  # noqa: PLC0415 - other verbs of this module need none of it

        chosen = None if app is None else AppName(app)
        question = add_source.question(
            session, name, name=chosen, branch=wanted, domains=domains, env_file=env_file, deploy=not no_deploy
        )
        add_source.add(session, {**question, "replace": replace or None}, agreed=yes)
        return
    if app is not None or env_file is not None or no_deploy:
        raise InvalidRequest("--name, --env-file and --no-deploy are for OWNER/REPO", hint="deployhost add --help")
    added = session.ask(
        APP_ADD({"name": AppName(name), "branch": wanted, "domains": domains or None, "replace": replace or None}),
        PATIENCE,
    )
    session.show(added, views.app_added)


def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the apps.

    Example: deployhost list
    """
    session = session_of(context, as_json)
    result = session.ask(APP_LIST({}))
    session.show(result, lambda shown: views.app_list(shown, datetime.now(UTC)))
    _warn(session, result)


def status(
    context: typer.Context,
    name: Annotated[str | None, argument("NAME", "Show this app only (default: all apps).", complete_app)] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the server and its apps. Each app is shown with its live release and its last deploy.

    Example: deployhost status hello
    """
    session = session_of(context, as_json)
    result = session.ask(APP_STATUS({"name": None if name is None else AppName(name)}))
    session.show(result, lambda shown: views.status(shown, datetime.now(UTC)))
    _warn(session, result)


def _warn(session: Session, result: "AppsFound") -> None:
    """Say what is wrong with apps.yml, beside what is known without it."""
    for line in error_lines(result["problem"], "warning") if result["problem"] else ():
        session.warn(line)
