"""connect github."""

import contextlib
import os
import select
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from deployhost.cli.arguments import JsonOption, option
from deployhost.cli.checklist import Checklist
from deployhost.cli.session import Session, needs_root, session_of
from deployhost.errors import Interrupted, InvalidRequest

if TYPE_CHECKING:  # the room takes longer to load than every other verb to start
    from deployhost.github.connect import Connected, ConnectGitHub, ConnectRequest

LONGEST_LINE = 8192


def github(
    context: typer.Context,
    *,
    org: Annotated[str, option("Connect this organization (default: your own account).", "--org", metavar="ORG")] = "",
    user: Annotated[
        str, option("Connect this personal account; the browser is to be logged in as it.", "--user", metavar="USER")
    ] = "",
    github_url: Annotated[
        str, option("GitHub Enterprise Server (default: https://github.com).", "--github-url", metavar="URL")
    ] = "https://github.com",
    port: Annotated[int, typer.Option(help="Port of the page on 127.0.0.1.", min=0, max=65535, show_default="any")] = 0,
    dry_run: Annotated[bool, option("Show what would be done and why; change nothing.", "--dry-run")] = False,
    as_json: JsonOption = False,
) -> None:
    """Connect this server to GitHub as a private GitHub App. A browser confirms the App and chooses its repositories.

    Example: deployhost connect github --org acme
    """
    from deployhost.github.connect import ConnectRequest  # noqa: PLC0415 - every other verb starts without what follows
    from deployhost.github.manifest_plan import to_github_url, to_org, to_user  # noqa: PLC0415

    session = session_of(context, as_json)
    if org and user:
        raise InvalidRequest("--org and --user are two owners: connect one after the other")
    request = ConnectRequest(org=to_org(org), user=to_user(user), html_url=to_github_url(github_url), port=port)
    needs_root(request.command)
    if dry_run:
        session.show(plan_of(session, request), plan_lines)
        return
    connect(session, request)


def connect(session: Session, request: "ConnectRequest") -> None:
    """Connect an owner, showing the steps and what the person has to do; with --json on standard error."""
    done = join(session, request)
    session.show(done.to_json(), lambda _: (f"  {note}" for note in done.notes))


def join(session: Session, request: "ConnectRequest") -> "Connected":
    """Do what is left to connect an owner, and return how it ended. Raise Interrupted, and what ConnectGitHub.run raises."""
    beside = replace(session, stdout=session.stderr) if session.json else session
    checklist = Checklist(beside.stdout, lambda _line: None)
    try:
        done = connecting(beside).run(request, checklist)
    except KeyboardInterrupt:
        raise Interrupted("stopped waiting; what is done stays", hint=request.command) from None
    if not done.complete:
        beside.say(f"! {done.connection.owner} is connected, and something is left to do at GitHub:")
    elif not done.changed:
        beside.say(f"✓ {done.connection.owner} is connected; nothing to do")
    return done


def connecting(session: Session) -> "ConnectGitHub":
    """Return what connects this server to GitHub and talks to the person of a session."""
    from deployhost.github.api import GitHubClient  # noqa: PLC0415
    from deployhost.github.connect import ConnectGitHub  # noqa: PLC0415

    return ConnectGitHub(session.paths, GitHubClient(), tell=session.say, pasted=PastedLines(session.stdin))


class PastedLines:
    """Lines that a person or a program enters. Nothing is read before somebody waits, and nobody is left waiting at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._descriptor: int | None = None
        with contextlib.suppress(OSError, ValueError):  # it is closed, or none of the system's
            self._descriptor = stream.fileno()
        self._rest = b""

    def __call__(self, seconds: float) -> str | None:
        """Return the next line, or None after that many seconds."""
        end = time.monotonic() + seconds
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            if newline or len(line) >= LONGEST_LINE or (line and self._descriptor is None):
                self._rest = rest
                return line.decode(errors="replace")
            left = max(0.0, end - time.monotonic())
            if self._descriptor is None:
                time.sleep(left)
            elif select.select([self._descriptor], [], [], left)[0]:
                self._read(self._descriptor)
                continue
            return None

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, LONGEST_LINE)
        except OSError:  # a terminal that is gone
            data = b""
        self._rest += data
        if not data:
            self._descriptor = None


def plan_of(session: Session, request: "ConnectRequest") -> dict[str, Any]:
    """Return what is left to connect an owner, as --dry-run prints it. Raise what ConnectGitHub.plan raises."""
    plan = connecting(session).plan(request)
    return {"steps": [step.to_json() for step in plan], "notes": list(plan.notes)}


def plan_lines(result: dict[str, Any]) -> Iterator[str]:
    """Yield what a person reads of a plan."""
    for note in result["notes"]:
        yield f"  {note}"
    for step in result["steps"]:
        yield f"would {step['what']}"
        yield f"    {step['why']}"
    if not result["steps"]:
        yield "✓ connected; nothing to do"
