"""The apps' bare repositories, with the hook that turns a push into a deploy: made for apps that apps.yml lists, deleted with them.

A repository appears and disappears under the lock of apps.yml, so that nobody brings one back who works on a list that he
read earlier. The lock is held for a rename only: a repository is made aside, and is deleted once it was moved aside.
"""

import contextlib
import secrets
import shutil
import sys
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import deployhost
from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.config.apps import AppsFile
from deployhost.config.listing import Listing
from deployhost.deploy.repository_plan import is_unwanted
from deployhost.deploy.seen import SeenRepository
from deployhost.errors import Conflict, DeployhostError
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.model import AppName, Branch, Domain
from deployhost.paths import Paths
from deployhost.system.files import make_directory, problem, read, write_atomically
from deployhost.system.git import BareRepository
from deployhost.system.machine import is_worked_in

FIRST_BRANCH = Branch("main")
ASIDE = (
    ".deployhost-"  # how names begin in that directory that are no repository yet, or none any more; no app's name does
)
LEFT = 600.0  # seconds after which nobody is at work any more on what lies aside

SETTINGS = {
    # Every ref goes through the hook, which moves or refuses the deployed branch and lets git handle the rest (githooks(5)).
    "receive.procReceiveRefs": "refs",
    "receive.denyDeletes": "false",
    "receive.denyNonFastForwards": "false",
    "gc.auto": "500",
}


class Repositories:
    """The bare repositories below paths.repos. The journal says which apps are being removed: those get none."""

    def __init__(self, paths: Paths, removals: Removals, releases: Releases) -> None:
        self._paths = paths
        self._removals = removals
        self._releases = releases
        self._listing = Listing(paths.apps_yml)

    def refresh(self) -> None:
        """Have every app's repository and hook as this version writes them: an upgrade moves the interpreter.

        Raise InvalidConfig for an app whose settings can't be read, once the others are done.
        """
        found = self._listing.now()
        for config in found.apps.values():
            self.ensure(config.name, config.branch)
        found.check()

    def ensure(self, app: AppName, branch: Branch | None) -> None:
        """Mend the repository of an app, or make it if the app is listed and not being removed."""
        repository = BareRepository(self._paths.repo(app))
        if repository.exists:
            self._mend(repository, app)
            return
        with self._aside(app, branch) as made, self._listing.held() as listed:
            if app in listed.known and app not in self._removals.open():
                self._place(made, app, branch)

    def add(self, app: AppName, branch: Branch | None, domains: Iterable[Domain]) -> AppConfig:
        """Put an app into apps.yml together with its repository, and return its settings: both are there, or neither.

        Raise Conflict if the name or a domain is taken, or the app is being removed.
        """
        placed = False

        def place() -> None:
            nonlocal placed
            if app in self._removals.open():
                raise Conflict(f"{app} is being removed", hint=f"deployhost remove {app} --yes")
            placed = self._place(made, app, branch)

        with self._aside(app, branch) as made:
            try:
                config = apps.add_app(self._paths.apps_yml, app, branch, domains, ready=place)
            except BaseException:
                if placed:
                    with contextlib.suppress(DeployhostError):  # converge finds it
                        self.delete(app, unless_listed=True)
                raise
        if not placed:
            self._mend(BareRepository(self._paths.repo(app)), app)
        return config

    def delete(self, app: AppName, *, unless_listed: bool = False) -> None:
        """Delete the repository of an app. Raise Conflict if apps.yml stays locked, FileProblem."""
        with self._listing.held() as listed:
            away = None if unless_listed and app in listed.known else self.move_away(app)
        self.discard(away)

    def delete_unowned(self, app: AppName) -> bool:
        """Delete the repository that no app owns, unless it has an owner or content by now; return whether it was deleted.

        Raise InvalidConfig if apps.yml can't be read, Conflict if it stays locked, FileProblem.
        """
        with self._listing.held() as listed:
            seen = self._look(app, listed, self._owned())
            away = self.move_away(app) if seen is not None and is_unwanted(seen) else None
        self.discard(away)
        return away is not None

    def move_away(self, app: AppName) -> Path | None:
        """Take the repository of an app out of the way, for `discard`; the caller holds the lock of apps.yml. Raise FileProblem."""
        repository = self._paths.repo(app)
        away = self._aside_path(f"gone-{app}")
        try:
            repository.rename(away)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise problem("delete", repository, error) from error
        return away

    def discard(self, away: Path | None) -> None:
        """Delete what was moved away. Whoever pushes into it may still write: the rest goes with `sweep`."""
        if away is not None:
            _delete(away)

    def sweep(self, older: float = 0.0) -> tuple[str, ...]:
        """Delete what an interrupted run left aside more than so many seconds ago. Return what a person should know of it: nothing."""
        for path in self._entries(f"{ASIDE}*"):
            with contextlib.suppress(OSError):
                if path.lstat().st_ctime <= time.time() - older:
                    _delete(path)
        return ()

    def keep(self) -> tuple[str, ...]:
        """Sweep up, as a keeper of converge: what others may be at work on stays."""
        return self.sweep(LEFT)

    def state(self) -> object:
        """Return what is another value once `refresh` may have something to do: apps.yml was written, or a removal has ended."""
        try:
            file = self._paths.apps_yml.stat()
        except OSError:
            return None
        return file.st_mtime_ns, file.st_ino, frozenset(self._removals.open())

    def unlisted(self) -> tuple[SeenRepository, ...]:
        """Return the repositories whose app is not in apps.yml. Raise InvalidConfig, FileProblem."""
        there = [AppName(path.stem) for path in self._entries("*.git") if AppName.pattern.fullmatch(path.stem)]
        if not there:
            return ()
        listed, owned = self._listing.now(), self._owned()
        found = (self._look(app, listed, owned) for app in sorted(there) if app not in listed.known)
        return tuple(seen for seen in found if seen is not None)

    def _owned(self) -> set[AppName]:
        """Return the apps that the journal knows, and those whose removal will see to what is left of them."""
        return {*self._releases.apps(), *self._removals.open()}

    def _look(self, app: AppName, listed: AppsFile, owned: Collection[AppName]) -> SeenRepository | None:
        repository = BareRepository(self._paths.repo(app))
        if repository.path.is_symlink() or not repository.exists:
            return None  # none of ours
        empty = repository.holds_nothing()
        return SeenRepository(
            app=app,
            path=str(repository.path),
            listed=app in listed.known,
            owned=app in owned,
            empty=empty,
            busy=empty and is_worked_in(repository.path.resolve()),
        )

    def _entries(self, pattern: str) -> list[Path]:
        return list(self._paths.repos.glob(pattern))

    @contextlib.contextmanager
    def _aside(self, app: AppName, branch: Branch | None) -> Iterator[BareRepository]:
        """Yield a repository as an app's is to be, under a name that no app has; it is gone afterwards, unless it was placed."""
        make_directory(self._paths.repos, 0o700)
        made = BareRepository(self._aside_path(f"new-{app}"))
        try:
            self._write(made, app, branch)
            yield made
        finally:
            if made.path.exists():
                _delete(made.path)

    def _aside_path(self, what: str) -> Path:
        return self._paths.repos / f"{ASIDE}{what}-{secrets.token_hex(8)}"

    def _place(self, made: BareRepository, app: AppName, branch: Branch | None) -> bool:
        """Given a repository that was made aside, have it be the app's, and return whether there was none. Raise FileProblem."""
        repository = BareRepository(self._paths.repo(app))
        if repository.exists:
            return False
        try:
            made.path.rename(repository.path)
        except OSError as error:
            if not repository.path.is_dir():
                raise problem("make", repository.path, error) from error
            self._write(repository, app, branch)  # somebody has something there: it stays
        return True

    def _mend(self, repository: BareRepository, app: AppName) -> None:
        # Without the lock: nothing here makes a repository where there is none any more.
        try:
            repository.configure(SETTINGS)
            self._write_hook(repository, app)
        except DeployhostError:
            if repository.exists:
                raise

    def _write(self, repository: BareRepository, app: AppName, branch: Branch | None) -> None:
        repository.create(branch or FIRST_BRANCH, SETTINGS)
        self._write_hook(repository, app)

    def _write_hook(self, repository: BareRepository, app: AppName) -> None:
        hook, text = repository.path / "hooks" / "proc-receive", hook_text(app, self._paths).encode()
        if read(hook) != text:
            try:
                hook.parent.mkdir(exist_ok=True)  # without parents: a repository that was deleted stays deleted
            except OSError as error:
                raise problem("make", hook.parent, error) from error
            write_atomically(hook, text, 0o755)


def hook_text(app: AppName, paths: Paths) -> str:
    """Given an app, return its proc-receive hook: this very Python without site-packages, so that it starts in milliseconds."""
    package = Path(deployhost.__file__).resolve().parent.parent
    return (
        f"#!{sys.executable} -IS\n"
        "# Written by deployhost: hands a push to deployhostd and shows its deploy.\n"
        "import sys\n"
        f"sys.path.append({str(package)!r})\n"
        "from deployhost.control.hook import main\n"
        f"sys.exit(main({str(app)!r}, {str(paths.control_socket)!r}))\n"
    )


def _delete(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
