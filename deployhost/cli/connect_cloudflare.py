"""connect cloudflare."""

import getpass
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployhost.cli.arguments import JsonOption, option, to_domain
from deployhost.cli.checklist import Checklist
from deployhost.cli.session import Session, needs_root, session_of
from deployhost.cli.setup import locked_checklist
from deployhost.errors import ConnectionRefused, InvalidRequest, NotFound
from deployhost.model import Domain, Secret

if TYPE_CHECKING:  # the room takes longer to load than every other verb to start
    from deployhost.edge.connect import EdgeReport
    from deployhost.edge.connection import CloudflareConnection
    from deployhost.steps import Plan, Step

COMMAND = "deployhost connect cloudflare"
LONGEST_TOKEN = 512  # characters; Cloudflare's have 40 to 60


def cloudflare(
    context: typer.Context,
    *,
    token: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read the API token from a file (default: the one in use, or asked for)."),
    ] = None,
    zone: Annotated[
        str | None,
        option("Zone of the webhook's host (default: the only one, or asked for).", "--zone", metavar="ZONE"),
    ] = None,
    dry_run: Annotated[bool, option("Show what would be done and why; change nothing.", "--dry-run")] = False,
    yes: Annotated[bool, option("Answer yes to every question.", "--yes", "-y")] = False,  # noqa: ARG001
    as_json: JsonOption = False,
) -> None:
    """Connect this server to Cloudflare. Requests reach it through a tunnel, and no port is open.

    Example: deployhost connect cloudflare --token token.txt --zone example.com
    """
    session = session_of(context, as_json)
    needs_root(COMMAND)
    given = None if token is None else read_token(token)
    with locked_checklist(session, dry_run=dry_run) as checklist:
        report = join(session, checklist, given, None if zone is None else to_domain(zone), dry_run=dry_run)
        machine = run_tunnel(session, checklist, dry_run=dry_run)
        if not report.plan and not machine and not session.json:
            checklist.tick("this server is connected to Cloudflare; nothing to do")
    session.show(result_of(report, machine, dry_run=dry_run), lines_of)


def join(
    session: Session, checklist: Checklist, token: Secret | None, zone: Domain | None, *, dry_run: bool = False
) -> "EdgeReport":
    """Join the server to an account, asking for what is missing where a person is there. Raises what Connecting.run raises.

    The caller holds the lock of set-up.
    """
    from deployhost.edge import connection  # noqa: PLC0415 - every other verb starts without what follows
    from deployhost.edge.asking import CloudflareAccounts  # noqa: PLC0415
    from deployhost.edge.connect import Connecting, EdgeRequest  # noqa: PLC0415
    from deployhost.edge.sdk import CloudflareSdk  # noqa: PLC0415

    asks = session.interactive and not session.json
    if token is None and asks and connection.load(session.paths) is None:
        token = ask_token(session)
    work = Connecting(paths=session.paths, accounts=CloudflareAccounts(sdk=CloudflareSdk(session.paths, checklist.log)))
    request = EdgeRequest(
        token=token, zone=zone, choose=lambda zones: choose_zone(session, zones) if asks else None, dry_run=dry_run
    )
    try:
        return work.run(request, checklist)
    except ConnectionRefused as error:
        if token is not None or not asks:
            raise
        # The token in use does not do any more, and a person is there who may have another one.
        session.warn(f"{error.message}")
    return work.run(replace(request, token=ask_token(session)), checklist)


def run_tunnel(session: Session, checklist: Checklist, *, dry_run: bool) -> "Plan":
    """Have cloudflared run on this machine, and return what that took. The caller holds the lock of set-up. Raises SetupFailed."""
    from deployhost.server.tunnel import TunnelSetup  # noqa: PLC0415
    from deployhost.system.service_manager import service_manager  # noqa: PLC0415

    work = TunnelSetup(paths=session.paths, services=service_manager(session.paths), log=checklist.log)
    return work.plan() if dry_run else work.run(checklist)


def read_token(file: Path) -> Secret:
    """Return the token in a file. Raises NotFound, InvalidRequest."""
    try:
        text = file.read_text(encoding="ascii")
    except FileNotFoundError:
        raise NotFound(f"there is no file {file}") from None
    except (OSError, UnicodeError) as error:
        raise InvalidRequest(f"{file} can't be read as a token ({type(error).__name__})") from None
    return _token(text, f"{file} holds no token: it has to be one line of at most {LONGEST_TOKEN} characters")


def ask_token(session: Session) -> Secret:
    """Ask a person for a token, saying how to get one. It is not shown while it is typed. Raises InvalidRequest."""
    from deployhost.edge.rights import explanation  # noqa: PLC0415

    for line in explanation():
        session.warn(line)
    if session.stdin.isatty():
        text = getpass.getpass("Token for Cloudflare: ")
    else:
        session.warn("Token for Cloudflare:")
        text = session.stdin.readline()
    return _token(text, f"that is no token: it has to be one line of at most {LONGEST_TOKEN} characters")


def choose_zone(session: Session, zones: Sequence[Domain]) -> Domain | None:
    """Ask a person which of several zones it shall be: its name or its number. None if the answer is neither."""
    for number, zone in enumerate(zones, 1):
        session.warn(f"  {number}  {zone}")
    session.stderr.write("Zone for the webhook's host: ")
    session.stderr.flush()
    answer = session.stdin.readline().strip().lower()
    if answer.isascii() and answer.isdigit() and 0 < int(answer) <= len(zones):
        return zones[int(answer) - 1]
    return next((zone for zone in zones if zone == answer), None)


def _token(text: str, otherwise: str) -> Secret:
    token = text.strip()
    if not token or len(token) > LONGEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidRequest(otherwise)
    return Secret(token)


def result_of(report: "EdgeReport", machine: "Plan", *, dry_run: bool) -> dict[str, Any]:
    """Return what connecting did, there and on this machine, as --json prints it."""
    steps, notes = (*report.plan, *machine), (*report.notes, *machine.notes)
    return shown_connection(report.connection, steps, notes, dry_run=dry_run)


def shown_connection(
    connection: "CloudflareConnection", steps: "Sequence[Step]", notes: Sequence[str], *, dry_run: bool
) -> dict[str, Any]:
    """Return a connection and what was done for it as --json prints it."""
    return {
        "account": {"id": connection.account_id, "name": connection.account_name},
        "zones": [zone.name for zone in connection.zones],
        "tunnel": connection.tunnel_id or None,
        "webhook_host": connection.webhook_host,
        "server_id": connection.server_id,
        "steps": [step.to_json() for step in steps],
        "notes": list(notes),
        "changed": bool(steps) and not dry_run,
        "dry_run": dry_run,
    }


def lines_of(result: dict[str, Any]) -> Iterator[str]:
    """Yield what a person reads of a result, whose steps were shown as they were done."""
    if result["dry_run"]:
        for step in result["steps"]:
            yield f"would {step['what']}"
            yield f"    {step['why']}"
        if not result["steps"]:
            yield "✓ this server is connected to Cloudflare; nothing to do"
    for note in result["notes"]:
        yield f"  {note}"
    if not result["dry_run"]:
        yield f"domains in {', '.join(result['zones'])} get their records by themselves"
