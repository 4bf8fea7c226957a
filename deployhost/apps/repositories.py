"""The apps' repositories: made for apps that apps.yml lists, deleted with them.

A repository appears and disappears under the lock of apps.yml, so that nobody brings one back who works on a list that he
read earlier. The lock is held for a rename only: a repository is made aside, and is deleted once it was moved aside.
"""

import contextlib
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.apps.repository import make, mend
from deployhost.config import apps as apps_yml
from deployhost.config import yaml_file
from deployhost.config.app import AppConfig
from deployhost.config.apps import AppsFile
from deployhost.config.current import Apps
from deployhost.converge.findings.repository_plan import RepositoryFacts, is_unwanted
from deployhost.errors import Conflict, DeployhostError, InternalError, InvalidConfig
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.model import AppName, Branch, Domain, RepositoryName
from deployhost.paths import Paths
from deployhost.system.files import make_directory, problem
from deployhost.system.git import BareRepository
from deployhost.system.machine import is_in_use
from deployhost.system.tree import discard_tree

# How names begin in that directory that are no repository yet, or none any more. No app's name begins so.
ASIDE = ".deployhost-"
AT_ONCE = 20  # repositories that are placed while the lock is held once
LEFT = 600.0  # seconds after which nobody is at work any more on what lies aside


@dataclass(kw_only=True)
class Repositories:
    """The bare repositories below paths.repos. The journal says which apps are being removed: those get none."""

    paths: Paths
    apps: Apps
    removals: Removals
    releases: Releases
    repository: Callable[[Path], BareRepository]
    deleted: int = field(default=0, init=False)  # repositories that converge deleted
    _seen: object = field(default=(), init=False)  # the state that the last `follow` saw

    def refresh(self) -> None:
        """Have every app's repository and hook as this version writes them: an upgrade moves the interpreter.

        Raise the first problem with a single app, InvalidConfig if its settings can't be read, once the others are done.
        """
        found = self.apps.now()
        missing: list[AppConfig] = []
        problems: list[DeployhostError] = []
        for config in found.apps.values():
            try:
                if not self._mended(config.name):
                    missing.append(config)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other apps are not concerned
                problems.append(_of_app(config.name, error))
        for first in range(0, len(missing), AT_ONCE):
            problems += self._make(missing[first : first + AT_ONCE])
        if problems:
            raise problems[0]
        found.check()

    def follow(self) -> None:
        """As `refresh`, if apps.yml was written since the last time, or a removal has ended."""
        now = self.state()
        if now == self._seen:
            return
        try:
            self.refresh()
        except InvalidConfig:
            self._seen = now  # what can't be read is told, and looked at again once it is mended
            raise
        self._seen = now

    def _make(self, missing: Sequence[AppConfig]) -> list[DeployhostError]:
        """Make the repositories of apps that are listed and not being removed; return what went wrong with single ones."""
        problems: list[DeployhostError] = []
        with contextlib.ExitStack() as stack:
            made = [(config, stack.enter_context(self._aside(config.name, config.branch))) for config in missing]
            listed, removed = stack.enter_context(self.apps.held()), self.removals.open()
            for config, repository in made:
                if config.name in listed.known and config.name not in removed:
                    try:
                        self._place(repository, config.name, config.branch)
                    except Exception as error:  # noqa: BLE001 - whatever it is, the other apps are not concerned
                        problems.append(_of_app(config.name, error))
        return problems

    def add(
        self,
        app: AppName,
        branch: Branch | None,
        domains: Iterable[Domain],
        *,
        source: RepositoryName | None = None,
    ) -> AppConfig:
        """Put an app into apps.yml together with its repository, and return its settings: both are there, or neither.

        Raise Conflict if the name or a domain is taken, or the app is being removed.
        """
        placed = False

        def place() -> None:
            nonlocal placed
            if app in self.removals.open():
                raise Conflict(f"{app} is being removed", hint=f"deployhost remove {app} --yes")
            placed = self._place(made, app, branch)

        with self._aside(app, branch) as made:
            try:
                config = apps_yml.add_app(self.paths.apps_yml, app, branch, domains, source=source, ready=place)
            except BaseException:
                if placed:
                    with contextlib.suppress(DeployhostError):  # converge sees to it
                        self.delete_unowned(app)
                raise
        if not placed:
            self._mended(app)
        return config

    def delete(self, app: AppName) -> None:
        """Delete the repository of an app that is being removed. Raise Conflict if apps.yml stays locked, FileProblem."""
        with yaml_file.locked(self.paths.apps_yml):
            away = self._move_away(app)
        _delete(away)

    def delete_unowned(self, app: AppName) -> bool:
        """Delete the repository that no app owns, unless it has an owner or content by now; return whether it was deleted.

        Deletes nothing if there is no apps.yml: the owner is unknown then. Raise InvalidConfig if apps.yml can't be read,
        Conflict if it stays locked, FileProblem.
        """
        with yaml_file.locked(self.paths.apps_yml):
            listed = self.apps.read()
            seen = None if listed is None else self._look(app, listed, self._owned())
            away = self._move_away(app) if seen is not None and is_unwanted(seen) else None
        _delete(away)
        self.deleted += away is not None
        return away is not None

    def sweep(self, older: float = 0.0) -> None:
        """Delete what an interrupted run left aside more than so many seconds ago."""
        for path in list(self.paths.repos.glob(f"{ASIDE}*")):
            with contextlib.suppress(OSError):
                if path.lstat().st_ctime <= time.time() - older:
                    _delete(path)

    def keep(self) -> None:
        """Sweep up as a keeper of converge: what others may be working on stays."""
        self.sweep(LEFT)

    def state(self) -> object:
        """Return a value that changes once `refresh` may have something to do.

        That is after a write of apps.yml, after the end of a removal, and after converge has deleted a repository: a list that
        was moved away and back is the same file with the same time.
        """
        try:
            file = self.paths.apps_yml.stat()
        except OSError:
            return None
        return file.st_mtime_ns, file.st_ino, self.deleted, frozenset(self.removals.open())

    def unlisted(self) -> tuple[RepositoryFacts, ...]:
        """Return the repositories whose app is not in apps.yml, none if there is no apps.yml. Raise InvalidConfig, FileProblem."""
        repositories = self.paths.repos.glob("*.git")
        there = [AppName(path.stem) for path in repositories if AppName.pattern.fullmatch(path.stem)]
        listed = self.apps.read() if there else None
        if listed is None:
            return ()
        owned = self._owned()
        found = (self._look(app, listed, owned) for app in sorted(there) if app not in listed.known)
        return tuple(seen for seen in found if seen is not None)

    def _owned(self) -> set[AppName]:
        """Return the apps that the journal knows, and those whose removal will see to what is left of them."""
        return {*self.releases.apps(), *self.removals.open()}

    def _look(self, app: AppName, listed: AppsFile, owned: Collection[AppName]) -> RepositoryFacts | None:
        repository = self.repository(self.paths.repo(app))
        if repository.path.is_symlink() or not repository.exists:
            return None  # none of ours
        empty = repository.holds_nothing()
        return RepositoryFacts(
            app=app,
            path=str(repository.path),
            listed=app in listed.known,
            owned=app in owned,
            empty=empty,
            busy=empty and is_in_use(repository.path.resolve()),
        )

    def _move_away(self, app: AppName) -> Path | None:
        repository = self.paths.repo(app)
        away = self._aside_path(f"gone-{app}")
        try:
            repository.rename(away)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise problem("delete", repository, error) from error
        return away

    @contextlib.contextmanager
    def _aside(self, app: AppName, branch: Branch | None) -> Iterator[BareRepository]:
        """Yield a repository as an app's is to be, under a name that no app has; it is gone afterwards, unless it was placed."""
        make_directory(self.paths.repos, 0o700)
        made = self.repository(self._aside_path(f"new-{app}"))
        try:
            make(made, app, branch, self.paths)
            yield made
        finally:
            _delete(made.path)

    def _aside_path(self, what: str) -> Path:
        return self.paths.repos / f"{ASIDE}{what}-{secrets.token_hex(8)}"

    def _place(self, made: BareRepository, app: AppName, branch: Branch | None) -> bool:
        """Move a repository that was made aside to where the app's belongs, and return whether there was none. Raise FileProblem."""
        repository = self.repository(self.paths.repo(app))
        if repository.exists:
            return False
        try:
            made.path.rename(repository.path)
        except OSError as error:
            if not repository.path.is_dir():
                raise problem("make", repository.path, error) from error
            make(repository, app, branch, self.paths)  # somebody has something there: it stays
        return True

    def _mended(self, app: AppName) -> bool:
        """Have the repository of an app as it is to be, and return whether there is one."""
        repository = self.repository(self.paths.repo(app))
        if not repository.exists:
            return False
        # Without the lock: this makes no repository where there is none any more.
        try:
            mend(repository, app, self.paths)
        except DeployhostError:
            if repository.exists:
                raise
        return True


def _of_app(app: AppName, error: Exception) -> DeployhostError:
    """Return what was raised for one app as an error that names it."""
    if isinstance(error, DeployhostError):
        return error
    return InternalError(f"the repository of {app}: {InternalError.of(error).message}", hint="deployhost converge")


def _delete(path: Path | None) -> None:
    """Delete what lies aside, if anything does. Whoever is pushing into it may still write: the rest goes with `sweep`."""
    if path is None:
        return
    if path.is_dir() and not path.is_symlink():
        discard_tree(path)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
