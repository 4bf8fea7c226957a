"""Deploys that a person asks for of an app whose repository is on GitHub: what is named is fetched first."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from deployhost.apps.commits import DIGITS, FULL, by_digits, reference_name
from deployhost.deploy.intake import Intake
from deployhost.errors import Conflict, NotFound
from deployhost.github.fetching import Fetching
from deployhost.github.look_plan import HEADS
from deployhost.github.looks import FetchedHead, Looks
from deployhost.journal.deploys import Deploys
from deployhost.model import AppName, Branch, Deploy, Sha
from deployhost.system.git import BareRepository

TAGS = "refs/tags/"
ENOUGH = 7  # digits that mean a commit which is here already, without asking GitHub whether a branch is called so


@dataclass(frozen=True)
class Chosen:
    """A deploy that a person asked for, and what to say of it."""

    deploy: Deploy
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceChoices:
    """Deploys what a person names of apps' repositories on GitHub."""

    looks: Looks
    fetching: Fetching
    intake: Intake
    deploys: Deploys
    repository: Callable[[AppName], BareRepository]

    def deploy(self, app: AppName, ref: str | None = None, *, rebuild: bool = False) -> Chosen:
        """Deploy the head of an app's branch, or the branch, tag or commit that `ref` names.

        A head that nobody has decided on yet is deployed as a look would. Raise what keeps it from being fetched.
        """
        with self.looks.alone(app):
            if ref is None:
                return Chosen(self.head(app, self.looks.head(app), rebuild=rebuild))
            sha, branch = self._named(app, ref)
            if branch is not None:
                return Chosen(self.head(app, FetchedHead(branch, sha), rebuild=rebuild))
            subject, newest = self.repository(app).commit(sha).subject, self.deploys.newest_head(app)
            moved = newest.branch if newest is not None and newest.sha == sha else None
            deploy = self.intake.choose(app, sha, subject=subject, branch=moved, rebuild=rebuild)
            if moved is not None or newest is None:
                return Chosen(deploy)
            return Chosen(deploy, f"{sha.short} is not the newest push ({newest.sha.short}); the branch stays")

    def head(self, app: AppName, head: FetchedHead, *, rebuild: bool = False) -> Deploy:
        """Deploy a head, also one that was decided on before."""
        arrived = self.looks.arrived(app, head, rebuild=rebuild)
        if arrived is not None:
            return arrived
        subject = self.repository(app).commit(head.sha).subject
        return self.intake.choose(app, head.sha, subject=subject, branch=head.branch, rebuild=rebuild)

    def _named(self, app: AppName, ref: str) -> tuple[Sha, Branch | None]:
        """Return the commit that a person names, and the app's branch if it is that branch's head."""
        full, name = FULL.fullmatch(ref), reference_name(app, ref)
        digits = name.lower() if not full and DIGITS.fullmatch(name.lower()) else ""
        if len(digits) >= ENOUGH and (here := by_digits(self.repository(app), app, digits)) is not None:
            return here, None
        located = self.looks.locate(app)
        names = [ref] if full else [f"{HEADS}{name}", f"{TAGS}{name}"]
        located, found = self.looks.at_its_name(
            located, lambda at: self.fetching.references(at.account, at.pinned, *names)
        )
        if len(set(found.values())) > 1:
            hint = f"deployhost deploy {app} {shlex.quote(TAGS + name)}"
            raise Conflict(f"{name} is a branch and a tag of {located.pinned.current}", hint=hint)
        if not found and digits and (here := by_digits(self.repository(app), app, digits)) is not None:
            return here, None
        what = next(iter(found), digits if len(digits) == len(Sha("0" * 40)) else "")
        if not what:
            raise _nothing(located.pinned.current, name, digits)
        if what.startswith(HEADS) and what.removeprefix(HEADS) == self.looks.branch(app):
            head = self.looks.head(app)
            return head.sha, head.branch
        _, sha = self.looks.at_its_name(located, lambda at: self.fetching.fetch(at.account, at.pinned, what))
        return sha, None


def _nothing(where: str, name: str, digits: str) -> NotFound:
    details = ("a commit that is not on this server yet needs all 40 digits",) if digits else ()
    return NotFound(
        f"{where} has no branch, tag or commit {name}", hint=f"git push origin {shlex.quote(name)}", details=details
    )
