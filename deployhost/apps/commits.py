"""Which commit a person means: the newest that was pushed, or the one of a branch, a tag, a sha or the beginning of one."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from deployhost.apps.repository import FIRST_BRANCH
from deployhost.config.current import Apps
from deployhost.errors import Conflict, DeployhostError, InvalidName, InvalidRequest, NotFound
from deployhost.journal.deploys import Deploys
from deployhost.journal.sources import Sources
from deployhost.model import AppName, Branch, Sha, Trigger
from deployhost.paths import Paths
from deployhost.system.git import BareRepository

FULL = re.compile(r"refs/(?:heads|tags)/(.+)", re.DOTALL)
DIGITS = re.compile(r"[0-9a-f]{4,40}")


@dataclass(frozen=True, kw_only=True)
class Commits:
    """The commits of apps' repositories, as people ask for them."""

    apps: Apps
    paths: Paths
    deploys: Deploys
    sources: Sources
    repository: Callable[[AppName], BareRepository]

    def newest(self, app: AppName) -> Sha:
        """Return the newest commit of an app's branch. Raise NotFound if nothing has been pushed."""
        sha = self.pushed(app)
        if sha is None:
            branch, source = self.branch(app), self.apps.get(app).source
            if source is not None:
                raise NotFound(f"no commit of {source} has been deployed yet", hint=f"deployhost deploy {app}")
            where = f"{app} yet" if branch is None else f"the branch {branch} of {app} yet"
            hint = f"git push {self.paths.repo(app)} {shlex.quote(branch or FIRST_BRANCH)}"
            raise NotFound(f"nothing has been pushed to {where}", hint=hint)
        return sha

    def pushed(self, app: AppName) -> Sha | None:
        """Return the newest commit that was pushed to an app's branch, whatever became of it."""
        if (pushed := self.deploys.newest(app, by=Trigger.PUSH)) is not None:
            return pushed.sha
        branch = self.branch(app)
        return self.repository(app).resolve(f"refs/heads/{branch}") if branch else None

    def branch(self, app: AppName) -> Branch | None:
        """Return an app's branch, or its repository's own if apps.yml names none: it may hold the commits of an earlier app."""
        config = self.apps.get(app)
        if config.branch is not None:
            return config.branch
        if config.source is not None:
            pinned = self.sources.of(app)
            return None if pinned is None else pinned.default_branch
        repository = self.repository(app)
        return repository.default_branch() if repository.exists else None

    def named(self, app: AppName, ref: str) -> Sha:
        """Return the commit that a person names. Raise InvalidRequest, NotFound, Conflict if it may be several."""
        return find_commit(self.repository(app), app, ref)

    def subject(self, app: AppName, sha: Sha) -> str:
        """Return a commit's subject, or "" if it is not in the app's repository."""
        try:
            return self.repository(app).commit(sha).subject
        except DeployhostError:
            return ""  # Kamal deployed a commit that nobody has pushed here


def find_commit(repository: BareRepository, app: AppName, named: str) -> Sha:
    """Return the commit that a branch, a tag, a sha or the first digits of one name.

    Anything else that git would understand (`main~3`, `:/text`, `main@{1}`) is refused: it need not be what it says.
    Raise InvalidRequest, NotFound, Conflict if it may be several.
    """
    full, name = FULL.fullmatch(named), reference_name(app, named)
    branch, tag = (repository.resolve(named if full else f"refs/{kind}/{name}") for kind in ("heads", "tags"))
    if branch is not None and tag is not None and branch != tag:
        raise Conflict(
            f"{name} is a branch and a tag of {app}", hint=f"deployhost deploy {app} {shlex.quote(f'refs/tags/{name}')}"
        )
    found = branch or tag
    if found is None and not full and DIGITS.fullmatch(named.lower()):
        found = by_digits(repository, app, named.lower())
    if found is None:
        raise NotFound(f"{app} has no branch, tag or commit {name}", hint=f"git push deployhost {shlex.quote(name)}")
    return found


def reference_name(app: AppName, named: str) -> Branch:
    """Return the name of a branch or tag, or the digits of a commit, that a person gives, without refs/heads/ and refs/tags/.

    Raise InvalidRequest if it is none.
    """
    full = FULL.fullmatch(named)
    try:
        return Branch(full[1] if full else named)
    except InvalidName:
        shown = named if len(named) <= 60 else named[:57] + "..."
        hint = f"deployhost deploy {app} main"
        raise InvalidRequest(f"{shown!r} is not a branch, tag or commit", hint=hint) from None


def by_digits(repository: BareRepository, app: AppName, digits: str) -> Sha | None:
    """Return the commit here whose sha begins with these digits, or None. Raise Conflict if there are several."""
    commits = repository.commits(digits)
    if len(commits) > 1:
        raise Conflict(
            f"{digits} matches {len(commits)} commits of {app}",
            hint=f"deployhost deploy {app} {commits[0][:12]}",
            details=tuple(f"{sha[:12]} {repository.commit(sha).subject}" for sha in commits[:5]),
        )
    return commits[0] if commits else None
