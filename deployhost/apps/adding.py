"""Adding an app whose repository is on GitHub. It can be interrupted anywhere: the same command, run again, continues."""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from deployhost.apps.repositories import Repositories
from deployhost.apps.source_choice import SourceChoices
from deployhost.config import apps as apps_yml
from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.config.env import EnvStore
from deployhost.edge.records import DomainRecords
from deployhost.errors import BranchNotFound, Conflict, ConsentNeeded, InvalidName, InvalidRequest
from deployhost.github.accounts import GitHubAccount
from deployhost.github.answers import Head, Repository
from deployhost.github.locating import Locator, pin_of
from deployhost.github.looks import Looks
from deployhost.journal.deploys import Deploys
from deployhost.journal.sources import Sources
from deployhost.model import AppName, Branch, Deploy, DeployStatus, Domain, EnvName, RepositoryName
from deployhost.system.clock import Clock
from deployhost.traffic.reroute import Rerouter


@dataclass(frozen=True, kw_only=True)
class NewSource:
    """What a person wants: a repository (at a GitHub's address, if that is known) as an app.

    `agreed` is whether an app that is there may become one of this repository, `replace` whether records of the domains that
    deployhost did not make may be replaced.
    """

    source: RepositoryName
    host: str = ""
    name: AppName | None = None
    branch: Branch | None = None
    domains: tuple[Domain, ...] = ()
    variables: Mapping[EnvName, str]
    deploy: bool = True
    agreed: bool = False
    replace: bool = False


@dataclass(frozen=True)
class SourceAdded:
    """An app whose repository is on GitHub, the deploy of its head, if there is one, and what to say."""

    config: AppConfig
    deploy: Deploy | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    """What GitHub says of a repository, and of the head of the branch that is to be deployed (None: it is empty)."""

    account: GitHubAccount
    facts: Repository
    branch: Branch
    head: Head | None

    def notes(self) -> list[str]:
        """Return what a person should know."""
        name = self.facts.full_name
        archived = f"{name} is archived: nobody can push to it" if self.facts.archived else ""
        empty = f"{name} has no commits yet: the first push to {self.branch} is deployed" if self.head is None else ""
        return [note for note in (archived, empty) if note]


@dataclass(frozen=True, kw_only=True)
class Additions:
    """Adds apps whose repositories are on GitHub. `finish` finishes an open removal of an app of that name."""

    apps: Apps
    sources: Sources
    deploys: Deploys
    env: EnvStore
    repositories: Repositories
    locator: Locator
    looks: Looks
    choices: SourceChoices
    rerouter: Rerouter
    records: DomainRecords
    clock: Clock
    finish: Callable[[AppName], None]

    def add(self, wish: NewSource) -> SourceAdded:
        """Add an app, or turn one into an app of a repository, and have the repository's head deployed.

        Raise NotConnected, RepositoryNotVisible, BranchNotFound, Conflict, ConsentNeeded, and what calls and fetches raise.
        """
        account, facts = self.locator.find(wish.source, wish.host)
        app = wish.name or app_name(wish.source)
        if app not in self.apps.known:
            self.finish(app)  # what an app of that name was before must not take this one with it
        with self.looks.alone(app):
            there = self.apps.get(app) if app in self.apps.known else None
            if there is not None:
                self._check(there, facts, wish)
            # Before anything is written: variables of an addition that was refused would be the next app's of that name.
            apps_yml.check_free(self.apps.path, app, wish.domains)
            branch = wish.branch or (there.branch if there else None) or Branch(facts.default_branch)
            found = _Found(account, facts, branch, _head(account, facts, branch))
            asked = "".join(f" --domain {domain}" for domain in wish.domains)
            hint = f"deployhost add {facts.full_name} --name {app}{asked} --replace"
            problem = self.records.admit(app, wish.domains, replace=wish.replace, hint=hint)
            try:
                config = self._written(app, there, found, wish)
            finally:
                if app in self.apps.known:
                    self.records.settle(wish.domains, replace=wish.replace, problem=problem)
            deploy, notes = None, found.notes()
            if wish.deploy and found.head is not None:
                deploy, note = self._deployed(app)
                notes += [note] if note else []
            return SourceAdded(config, deploy, tuple(notes))

    def _check(self, there: AppConfig, facts: Repository, wish: NewSource) -> None:
        """Raise Conflict or ConsentNeeded if the app that is there may not become one of this repository."""
        app, source = there.name, RepositoryName(facts.full_name)
        hint = f"deployhost add {source} --name {app}"
        if there.source is None and wish.name is None:
            raise Conflict(
                f"there is an app {app} already, which is deployed from what is pushed to this server", hint=hint
            )
        if there.source is None:
            if not wish.agreed:
                raise ConsentNeeded(
                    f"{app} is deployed from what is pushed to this server; from now on it would be deployed from {source}",
                    hint=f"{hint} --yes",
                    details=("its data, variables and domains stay",),
                )
            return
        pinned = self.sources.of(app)
        known = pinned is not None and pinned.is_named(there.source)
        same = pinned.repository == facts.id if pinned and known else there.source.is_same(source)
        if same or (wish.agreed and there.source.is_same(source)):
            return
        if there.source.is_same(source):
            raise ConsentNeeded(
                f"{source} is another repository than the one of that name from which {app} was deployed",
                hint=f"{hint} --yes",
            )
        raise Conflict(f"{app} is deployed from {there.source}", hint=f"deployhost add {source} --name {app}-2")

    def _written(self, app: AppName, there: AppConfig | None, found: _Found, wish: NewSource) -> AppConfig:
        """Write everything down, the entry in apps.yml last: from then on looks deploy what they find, with the variables."""
        source = RepositoryName(found.facts.full_name)
        if wish.variables:
            self.env.set(app, wish.variables, datetime.fromtimestamp(self.clock.time(), UTC))
        skipped = None if wish.deploy or found.head is None else found.head.sha
        after = self.deploys.highest()
        self.sources.pin(pin_of(app, source, found.account, found.facts, skipped=skipped, skipped_after=after))
        if there is None:
            return self.repositories.add(app, wish.branch, wish.domains, source=source)
        added = apps_yml.add_domains(self.apps.path, app, wish.domains) if wish.domains else ()
        apps_yml.set_source(self.apps.path, app, source, instead_of=there.source, branch=wish.branch)
        if added:
            self.rerouter.reroute(app)
        return self.apps.get(app)

    def _deployed(self, app: AppName) -> tuple[Deploy | None, str]:
        """Deploy the head, or return the deploy of it that is under way, or None if it is live."""
        head, newest = self.looks.head(app), self.deploys.newest_head(app)
        if newest is not None and newest.sha == head.sha:
            if not newest.status.ended:
                return newest, ""
            if newest.status is DeployStatus.LIVE:
                return None, f"{head.sha.short}, the head of {head.branch}, was deployed before"
        return self.choices.head(app, head), ""


def app_name(source: RepositoryName) -> AppName:
    """Return the name that an app of a repository gets. Raise InvalidRequest if a person has to choose one."""
    name = re.sub("[^a-z0-9]+", "-", source.repo.lower())[:40].strip("-")
    try:
        return AppName(name)
    except InvalidName:
        hint = f"deployhost add {source} --name my-app"
        raise InvalidRequest(f"no app can be called {source.repo}: choose a name", hint=hint) from None


def _head(account: GitHubAccount, facts: Repository, branch: Branch) -> Head | None:
    """Return the head of a branch, or None if the repository is empty. Raise BranchNotFound."""
    head = account.calls.branch(facts.id, branch)
    if isinstance(head, Head) and head.branch == branch:
        return head
    if isinstance(head, Head):
        raise BranchNotFound(
            f"the branch {branch} of {facts.full_name} is now {head.branch}",
            hint=f"deployhost add {facts.full_name} --branch {shlex.quote(head.branch)}",
        )
    # The size of a young repository may still be 0.
    if branch != facts.default_branch and (
        facts.size or isinstance(account.calls.branch(facts.id, facts.default_branch), Head)
    ):
        raise BranchNotFound(
            f"{facts.full_name} has no branch {branch}",
            hint=f"deployhost add {facts.full_name} --branch {shlex.quote(facts.default_branch)}",
        )
    return None
