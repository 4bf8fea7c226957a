"""disconnect cloudflare."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from deployhost.cli.arguments import JsonOption, option
from deployhost.cli.session import needs_root, session_of
from deployhost.cli.setup import locked_checklist
from deployhost.errors import InvalidRequest

COMMAND = "deployhost disconnect cloudflare"


def cloudflare(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, option("Show what would be deleted; change nothing.", "--dry-run")] = False,
    yes: Annotated[bool, option("Do not ask for confirmation.", "--yes", "-y")] = False,
    as_json: JsonOption = False,
) -> None:
    """Disconnect this server from Cloudflare. Deletes its tunnel and its records there. Apps keep running.

    Example: deployhost disconnect cloudflare --dry-run
    """
    # Imported here: every other verb starts without what follows.
    from deployhost.edge.asking import CloudflareAccounts  # noqa: PLC0415
    from deployhost.edge.sdk import CloudflareSdk  # noqa: PLC0415
    from deployhost.server.disconnect import Disconnecting  # noqa: PLC0415
    from deployhost.system.service_manager import service_manager  # noqa: PLC0415

    session = session_of(context, as_json)
    needs_root(COMMAND)
    with locked_checklist(session, dry_run=dry_run) as checklist:
        work = Disconnecting(
            paths=session.paths,
            services=service_manager(session.paths),
            accounts=CloudflareAccounts(sdk=CloudflareSdk(session.paths, checklist.log)),
            log=checklist.log,
        )
        plan = work.plan(checklist, dry_run=dry_run)
        if plan and not dry_run and not yes:
            if as_json or not session.interactive:
                raise InvalidRequest(
                    "disconnecting needs --yes where no terminal is there to ask on", hint=f"{COMMAND} --yes"
                )
            session.show(_result(plan, dry_run=True), _lines)
            if not session.confirm("Disconnect this server from Cloudflare?"):
                session.warn("nothing was disconnected")
                raise typer.Exit(1)
        if plan and not dry_run:
            work.run(checklist)
    session.show(_result(plan, dry_run=dry_run), _lines)


def _result(plan: Any, *, dry_run: bool) -> dict[str, Any]:
    return {
        "steps": [step.to_json() for step in plan],
        "notes": list(plan.notes),
        "changed": bool(plan) and not dry_run,
        "dry_run": dry_run,
    }


def _lines(result: dict[str, Any]) -> Iterator[str]:
    if not result["steps"]:
        yield "this server is not connected to Cloudflare; nothing to do"
    if result["dry_run"]:
        for step in result["steps"]:
            yield f"would {step['what']}"
            yield f"    {step['why']}"
    for note in result["notes"]:
        yield f"  {note}"
