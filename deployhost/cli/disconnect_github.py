"""disconnect github."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from deployhost.cli.arguments import JsonOption, argument, option
from deployhost.cli.checklist import Checklist
from deployhost.cli.session import Session, needs_root, session_of
from deployhost.control.operations import GITHUB_LEAVE
from deployhost.errors import DeployhostError, InvalidRequest

LEAVING = 30.0  # seconds for the daemon to end what is pending


def github(
    context: typer.Context,
    owner: Annotated[str, argument("[OWNER]", "User or organization (default: the only one).")] = "",
    *,
    github_url: Annotated[
        str | None, option("Where OWNER is, if there are two of that name.", "--github-url", metavar="URL")
    ] = None,
    dry_run: Annotated[bool, option("Show what would be done and why; change nothing.", "--dry-run")] = False,
    yes: Annotated[bool, option("Do not ask for confirmation.", "--yes", "-y")] = False,
    as_json: JsonOption = False,
) -> None:
    """Uninstall the GitHub App of this server and delete its key. Apps keep running.

    Example: deployhost disconnect github acme
    """
    # Imported here: every other verb starts without what follows.
    from deployhost.github.api import GitHubClient  # noqa: PLC0415
    from deployhost.github.disconnect import DisconnectGitHub, chosen  # noqa: PLC0415
    from deployhost.github.manifest_plan import to_github_url  # noqa: PLC0415
    from deployhost.steps import apply  # noqa: PLC0415

    session = session_of(context, as_json)
    needs_root(f"deployhost disconnect github {owner}".strip())
    connection = chosen(session.paths, owner.strip(), to_github_url(github_url) if github_url else "")
    work = DisconnectGitHub(session.paths, GitHubClient(), connection, lambda id_: _last_statuses(session, id_))
    plan = work.plan()
    result = {
        "owner": connection.owner,
        "github": connection.html_url,
        "app": connection.slug,
        "steps": [step.to_json() for step in plan],
        "notes": list(plan.notes),
        "changed": not dry_run,
    }
    asks = not (yes or dry_run)
    if asks and (as_json or not session.interactive):
        raise InvalidRequest(
            f"disconnecting {connection.owner} needs --yes where no terminal is there to ask on",
            hint=f"{connection.disconnect_command} --yes",
        )
    if asks or dry_run:
        session.show(result, _lines)
    if dry_run:
        return
    if asks and not session.confirm(f"Disconnect {connection.owner}?"):
        session.warn("nothing was disconnected")
        raise typer.Exit(1)
    apply(plan, work.acts, Checklist(session.stdout, lambda _line: None, quiet=session.json))
    if yes:
        session.show(result, lambda _: (f"  {note}" for note in plan.notes))


def _last_statuses(session: Session, connection: str) -> list[str]:
    """Have the daemon end what is pending at GitHub. Without a daemon nothing is under way."""
    try:
        return session.ask(GITHUB_LEAVE({"connection": connection}), LEAVING)["notes"]
    except DeployhostError:
        return []


def _lines(result: dict[str, Any]) -> Iterator[str]:
    for step in result["steps"]:
        yield f"- {step['what']}"
        yield f"    {step['why']}"
    for note in result["notes"]:
        yield f"  {note}"
