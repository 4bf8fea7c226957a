"""`add OWNER/REPO`: an app of a repository on GitHub."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deployhost.cli.env import content
from deployhost.control.operations import APP_ADD_SOURCE
from deployhost.control.progress import error_lines
from deployhost.control.terminal import escaped
from deployhost.errors import ConsentNeeded, Interrupted, RemoteError, RepositoryNotVisible
from deployhost.github.address import repository_address

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.cli.session import Session
    from deployhost.control.arguments import AddSourceArguments
    from deployhost.control.results import SourceAppAdded
    from deployhost.model import AppName, Branch, Domain

EVERY = 3.0  # seconds between questions whether the App sees the repository by now
CONTINUES = "it continues in the background; see deployhost status"


def question(
    session: Session,
    source: str,
    *,
    name: AppName | None,
    branch: Branch | None,
    domains: Sequence[Domain],
    env_file: str | None,
    deploy: bool,
) -> AddSourceArguments:
    """Return what to ask the daemon for. Raises NotFound, InvalidRequest, FileProblem for the file of variables, InvalidName for the source."""
    repository_address(source)  # what is none is refused here
    variables = None
    if env_file is not None:
        from deployhost.config import dotenv  # noqa: PLC0415 - only this option needs it

        text = session.stdin.read() if env_file == "-" else content(Path(env_file))
        found = dotenv.parse(text, "standard input" if env_file == "-" else env_file)
        variables = {str(key): value for key, value in found.items()}
    return {
        "source": source,
        "name": name,
        "branch": branch,
        "domains": domains or None,
        "variables": variables,
        "deploy": None if deploy else False,
        "agreed": None,
        "replace": None,
        "follow": True,
    }


def add(session: Session, wanted: AddSourceArguments, *, agreed: bool) -> None:
    """Add the app and show its deploy. On a terminal, ask and wait where a person can go on."""
    waiting = False
    while True:
        try:
            result = session.follow(APP_ADD_SOURCE({**wanted, "agreed": agreed or None}), CONTINUES, repeatable=True)
            break
        except RemoteError as error:
            if not session.interactive or session.json:
                raise
            if error.code == ConsentNeeded.code and not agreed:
                agreed = _agree(session, error)
                if not agreed:
                    raise
            elif error.code == RepositoryNotVisible.code:
                if not waiting:
                    _wait(session, error)
                waiting = True
                _pause()
            else:
                raise
    session.show(result, lines)
    session.ended(result["deploy"])


def lines(result: SourceAppAdded) -> list[str]:
    """Return what was added, and what to know of it."""
    view = result["view"]
    notes = [f"! {escaped(note)}" for note in result["notes"]]
    branch = f" (branch {escaped(view['branch'])})" if view["branch"] else ""
    if result["deploy"] is not None:
        return [f"{result['app']} is deployed from {view['source']}{branch}: push there to deploy", *notes]
    return [
        f"{result['app']} is deployed from {view['source']}{branch}: the next push there is deployed",
        *notes,
        f"It answers at {', '.join(view['urls'])}",
    ]


def _agree(session: Session, error: RemoteError) -> bool:
    session.warn(escaped(error.message))
    for detail in error.details:
        session.warn(f"  {escaped(detail)}")
    return session.confirm("Go on?")


def _wait(session: Session, error: RemoteError) -> None:
    for line in error_lines(error.to_json(), "waiting"):
        session.warn(line)
    session.warn("  the command continues once the App sees it; Ctrl-C stops waiting")


def _pause() -> None:
    try:
        time.sleep(EVERY)
    except KeyboardInterrupt:
        raise Interrupted("nothing was added; run the same command again later") from None
