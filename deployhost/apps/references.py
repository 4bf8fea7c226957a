"""Which commit a person means by a branch, a tag, a sha or the beginning of one."""

import re

from deployhost.errors import Conflict, InvalidName, InvalidRequest, NotFound
from deployhost.model import AppName, Branch, Sha
from deployhost.system.git import BareRepository

FULL = re.compile(r"refs/(?:heads|tags)/(.+)", re.DOTALL)
DIGITS = re.compile(r"[0-9a-f]{4,40}")


def find_commit(repository: BareRepository, app: AppName, named: str) -> Sha:
    """Given an app, its repository and a branch, a tag, a sha or a short one, return the commit.

    Anything else that git would understand (`main~3`, `:/text`, `main@{1}`) is refused: it need not be what it says.
    Raise InvalidRequest, NotFound, Conflict if it may be several.
    """
    full = FULL.fullmatch(named)
    try:
        name = Branch(full[1] if full else named)
    except InvalidName:
        shown = named if len(named) <= 60 else named[:57] + "..."
        raise InvalidRequest(
            f"{shown!r} is no branch, tag or commit: name one, or the first digits of a commit's sha",
            hint=f"deployhost deploy {app} main",
        ) from None
    branch, tag = (repository.resolve(named if full else f"refs/{kind}/{name}") for kind in ("heads", "tags"))
    if branch is not None and tag is not None and branch != tag:
        raise Conflict(f"{name} is a branch and a tag of {app}", hint=f"deployhost deploy {app} refs/tags/{name}")
    found = branch or tag
    if found is None and not full and DIGITS.fullmatch(named.lower()):
        found = _by_digits(repository, app, named.lower())
    if found is None:
        raise NotFound(f"{app} has no branch, tag or commit {name}", hint=f"git push deployhost {name}")
    return found


def _by_digits(repository: BareRepository, app: AppName, digits: str) -> Sha | None:
    commits = repository.commits(digits)
    if len(commits) > 1:
        raise Conflict(
            f"{digits} may be one of {len(commits)} commits of {app}",
            hint=f"deployhost deploy {app} {commits[0][:12]}",
            details=tuple(f"{sha[:12]} {repository.commit(sha).subject}" for sha in commits[:5]),
        )
    return commits[0] if commits else None
