"""disconnect github."""

from typing import Annotated

import typer

from deployhost.cli.arguments import JsonOption, argument, option
from deployhost.cli.checklist import Checklist
from deployhost.cli.connect_github import needs_root
from deployhost.cli.session import session_of
from deployhost.errors import InvalidRequest


def github(
    context: typer.Context,
    owner: Annotated[str, argument("[OWNER]", "User or organization (default: the only one).")] = "",
    *,
    github_url: Annotated[
        str | None, option("Where OWNER is, if there are two of that name.", "--github-url", metavar="URL")
    ] = None,
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
    work = DisconnectGitHub(session.paths, GitHubClient(), connection)
    plan = work.plan()
    if not yes:
        if as_json or not session.interactive:
            raise InvalidRequest(
                f"disconnecting {connection.owner} needs --yes where no terminal is there to ask on",
                hint=f"{connection.disconnect_command} --yes",
            )
        for line in (*(f"- {step.what}\n    {step.why}" for step in plan), *(f"  {note}" for note in plan.notes)):
            session.say(line)
        if not session.confirm(f"Disconnect {connection.owner}?"):
            session.warn("nothing was disconnected")
            raise typer.Exit(1)
    apply(plan, work.acts, Checklist(session.stdout, lambda _line: None, quiet=session.json))
    result = {
        "owner": connection.owner,
        "github": connection.html_url,
        "app": connection.slug,
        "notes": list(plan.notes),
    }
    session.show(result, lambda _: (f"  {note}" for note in plan.notes) if yes else ())
