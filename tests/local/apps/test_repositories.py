"""Repositories come and go with their apps, whoever works on a list that he read earlier. Real git, no daemon."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployhost.apps.repositories import ASIDE, Repositories
from deployhost.config import apps, yaml_file, yaml_tree
from deployhost.config.app import AppConfig
from deployhost.config.current import Apps
from deployhost.converge.findings.repository_plan import repositories
from deployhost.errors import Conflict, FileProblem, InvalidConfig
from deployhost.journal.database import Database
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.model import AppName, Branch, Domain, Release, Sha, Version
from deployhost.paths import Paths
from deployhost.system.git import BareRepository

A, B, C = AppName("a"), AppName("b"), AppName("c")
MAIN = Branch("main")


class Server:
    """The files and the journal of a server, without a daemon."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        self.paths.config.mkdir(parents=True)
        self.database = Database(self.paths.journal)
        self.removals, self.releases = Removals(self.database), Releases(self.database, lambda: 1.0)
        self.repositories = Repositories(
            paths=self.paths,
            apps=Apps(self.paths.apps_yml),
            removals=self.removals,
            releases=self.releases,
            repository=BareRepository,
        )

    def list_apps(self, *names: AppName) -> None:
        self.paths.apps_yml.write_text("apps:\n" + "".join(f"  {name}:\n" for name in names))

    def there(self) -> list[str]:
        """Return what lies among the repositories."""
        return sorted(path.name for path in self.paths.repos.iterdir()) if self.paths.repos.exists() else []

    def remove(self, app: AppName) -> None:
        """Do what a removal does, from its beginning to its end."""
        self.removals.begin(app, with_storage=False)
        apps.remove_app(self.paths.apps_yml, app)
        self.repositories.delete(app)
        self.removals.done(app)

    def orphan(self, name: str, *written: str) -> Path:
        repository = BareRepository(self.paths.repos / name)
        self.paths.repos.mkdir(parents=True, exist_ok=True)
        repository.create(MAIN, {})
        for file in written:
            (repository.path / file).write_text("x")
        return repository.path

    def release(self, app: AppName) -> None:
        version = Version("1" * 40)
        self.releases.went_live(
            Release(app=app, version=version, sha=Sha(version), subject="", image="i", container="c", port=1, deploy=1,
                    live_since=1.0, is_live=True), (), 1.0,
        )  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.database.close()


@pytest.fixture
def while_made(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[BareRepository], None]], None]:
    """Return what has something happen just before a repository is made."""

    def install(happens: Callable[[BareRepository], None]) -> None:
        create = BareRepository.create

        def slow(self: BareRepository, branch: Branch, settings: dict[str, str]) -> None:
            happens(self)
            create(self, branch, settings)

        monkeypatch.setattr(BareRepository, "create", slow)

    return install


WhileMade = Callable[[Callable[[BareRepository], None]], None]


# What was removed stays removed


@pytest.mark.parametrize("at", [A, B])
def test_removed_while_hooks_are_refreshed(server: Server, while_made: WhileMade, at: AppName) -> None:
    """The refresh walks a list that it read before: an app that is removed then gets no repository, not even when it is just being made."""
    server.list_apps(A, B, C)
    removed: list[AppName] = []

    def remove(made: BareRepository) -> None:
        if f"-{at}-" in f"-{made.path.stem}-" and not removed:
            removed.append(B)
            server.remove(B)

    while_made(remove)
    server.repositories.refresh()
    assert removed == [B]
    assert server.there() == ["a.git", "c.git"]


def test_an_app_whose_removal_is_open_gets_none(server: Server) -> None:
    server.list_apps(A, B)
    server.removals.begin(B, with_storage=False)
    before = server.repositories.state()
    server.repositories.refresh()
    assert server.there() == ["a.git"]
    assert server.repositories.state() == before
    server.removals.done(B)
    assert server.repositories.state() != before, "there is something to do again"
    server.repositories.refresh()
    assert server.there() == ["a.git", "b.git"]


def test_mending_brings_nothing_back(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.list_apps(A)
    server.repositories.refresh()
    hook = server.paths.repo(A) / "hooks" / "proc-receive"
    hook.write_text("#!/bin/sh\n")
    configure = BareRepository.configure

    def removed_meanwhile(self: BareRepository, settings: dict[str, str]) -> None:
        configure(self, settings)
        server.remove(A)

    monkeypatch.setattr(BareRepository, "configure", removed_meanwhile)
    server.repositories.refresh()
    assert server.there() == []


def test_many_threads(server: Server) -> None:
    """Added, removed and refreshed at once, in every order that comes: in the end there is what is listed."""
    names = [AppName(f"app-{number}") for number in range(12)]
    errors: list[BaseException] = []
    stop = threading.Event()

    def work(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            errors.append(error)

    def add_and_remove(app: AppName) -> None:
        for _ in range(3):
            server.repositories.add(app, None, ())
            assert server.paths.repo(app).exists()
            server.remove(app)
            assert not server.paths.repo(app).exists()
        if int(app.removeprefix("app-")) % 2:
            server.repositories.add(app, None, ())

    def refresh() -> None:
        while not stop.is_set():
            server.repositories.refresh()

    refreshing = [threading.Thread(target=work, args=(refresh,)) for _ in range(2)]
    working = [threading.Thread(target=work, args=(lambda app=app: add_and_remove(app),)) for app in names]
    for thread in (*refreshing, *working):
        thread.start()
    for thread in working:
        thread.join()
    stop.set()
    for thread in refreshing:
        thread.join()
    assert errors == []
    assert server.there() == sorted(f"app-{number}.git" for number in range(1, 12, 2))


# The lock is held for moments only


def test_apps_yml_can_be_changed_while_a_repository_is_made(server: Server, while_made: WhileMade) -> None:
    server.list_apps(A)
    added: list[AppConfig] = []

    def add(_made: BareRepository) -> None:
        if not added:  # this would wait for ten seconds, and fail then
            added.append(apps.add_app(server.paths.apps_yml, C))

    while_made(add)
    server.repositories.refresh()
    assert [config.name for config in added] == [C]
    assert server.there() == ["a.git"]


def test_apps_yml_is_parsed_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.list_apps(A, B, C)
    parsed: list[str] = []
    parse = yaml_tree.parse
    monkeypatch.setattr(yaml_file, "parse", lambda text, name: parsed.append(name) or parse(text, name))  # type: ignore[func-returns-value]
    server.repositories.refresh()
    assert server.there() == ["a.git", "b.git", "c.git"]
    assert len(parsed) == 1


# Adding


def test_added(server: Server) -> None:
    config = server.repositories.add(A, MAIN, [Domain("a.example.com")])
    assert config == apps.load(server.paths.apps_yml).get(A)
    assert server.there() == ["a.git"]
    with pytest.raises(Conflict, match="there is an app a already"):
        server.repositories.add(A, MAIN, ())
    assert server.there() == ["a.git"]


def test_an_addition_that_fails_leaves_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.removals.begin(A, with_storage=False)
    with pytest.raises(Conflict, match="a is being removed"):
        server.repositories.add(A, None, ())
    server.removals.done(A)
    monkeypatch.setattr("deployhost.system.files.os.fsync", full_disk)
    with pytest.raises(Exception, match="no space"):
        server.repositories.add(A, None, ())
    assert server.there() == []
    assert apps.load(server.paths.apps_yml).known == {}


def full_disk(*_: object) -> None:
    raise OSError(28, "no space left on device")


def test_what_is_there_stays(server: Server) -> None:
    """An app that is put back has its commits again, and our hook."""
    repository = server.orphan("a.git", "refs/heads/main")
    server.repositories.add(A, None, ())
    assert (repository / "refs/heads/main").read_text() == "x"
    assert (repository / "hooks/proc-receive").exists()
    broken = server.paths.repo(B)
    (broken / "objects").mkdir(parents=True)
    (broken / "objects" / "kept").touch()
    server.repositories.add(B, None, ())
    assert (broken / "objects" / "kept").exists()
    assert BareRepository(broken).exists


# What a crash leaves


def test_swept(server: Server, while_made: WhileMade, monkeypatch: pytest.MonkeyPatch) -> None:
    server.list_apps(A, B)

    def dies(made: BareRepository) -> None:
        if "-b-" in made.path.name:
            raise KeyboardInterrupt

    while_made(dies)
    with monkeypatch.context() as patch:
        patch.setattr("deployhost.apps.repositories._delete", lambda _path: None)  # a kill -9 deletes nothing
        server.repositories.delete(A)
        server.list_apps(A)
        server.repositories.refresh()
        server.repositories.delete(A)
        (server.paths.repos / f"{ASIDE}new-b-1").mkdir()
    server.list_apps(A)
    foreign = server.orphan("Shop.git")
    assert len(server.there()) == 3
    server.repositories.keep()
    assert len(server.there()) == 3, "somebody may be at work on it"
    server.repositories.sweep()
    assert server.there() == [foreign.name]


# Repositories of no app


def test_only_what_is_ours_is_looked_at(server: Server, tmp_path: Path) -> None:
    server.list_apps(A)
    server.repositories.refresh()
    server.orphan("Upper.git")
    server.orphan("old")
    server.orphan("-x.git")
    (server.paths.repos / "notes.git").write_text("a file")
    (server.paths.repos / "empty.git").mkdir()
    elsewhere = tmp_path / "elsewhere.git"
    BareRepository(elsewhere).create(MAIN, {})
    (server.paths.repos / "linked.git").symlink_to(elsewhere)
    assert server.repositories.unlisted() == ()
    server.orphan("old.git")
    assert [(seen.app, seen.owned, seen.empty) for seen in server.repositories.unlisted()] == [("old", False, True)]


def test_nobody_knows_while_apps_yml_cannot_be_read(server: Server) -> None:
    server.orphan("a.git")
    server.paths.apps_yml.write_text("apps: [\n")
    with pytest.raises(InvalidConfig):
        server.repositories.unlisted()
    with pytest.raises(InvalidConfig):
        server.repositories.delete_unowned(A)
    server.paths.apps_yml.write_text("apps:\n  a: {prot: 1}\n")
    assert server.repositories.unlisted() == (), "a mistake in its entry makes it no less an app"
    assert not server.repositories.delete_unowned(A)
    assert server.there() == ["a.git"]


def listed_since(server: Server) -> None:
    server.list_apps(A)


def pushed_since(server: Server) -> None:
    (server.paths.repo(A) / "objects" / "tmp_objdir-incoming-1").mkdir()


def live_since(server: Server) -> None:
    server.release(A)


def being_removed_since(server: Server) -> None:
    server.removals.begin(A, with_storage=False)


def gone_since(server: Server) -> None:
    server.repositories.delete(A)


@pytest.mark.parametrize("happens", [listed_since, pushed_since, live_since, being_removed_since])
def test_looked_at_again_under_the_lock(server: Server, happens: Callable[[Server], None]) -> None:
    server.list_apps()
    server.orphan("a.git")
    assert len(repositories(server.repositories.unlisted()).steps) == 1
    happens(server)
    assert not server.repositories.delete_unowned(A)
    assert server.there() == ["a.git"]


def test_a_push_that_has_begun(server: Server) -> None:
    server.list_apps()
    repository = server.orphan("a.git")
    pushing = subprocess.Popen(
        ["git", "receive-pack", str(repository)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert pushing.stdin is not None
    assert pushing.stdout is not None
    assert pushing.stdout.read(4) != b"", "it tells what there is, and has written nothing"
    assert repositories(server.repositories.unlisted()) == repositories(())
    assert not server.repositories.delete_unowned(A)
    pushing.stdin.close()
    pushing.stdout.close()
    pushing.wait(10)
    assert server.repositories.delete_unowned(A)


def test_deleted(server: Server) -> None:
    server.list_apps()
    server.orphan("a.git")
    assert server.repositories.delete_unowned(A)
    assert not server.repositories.delete_unowned(A)
    assert server.there() == []


def test_an_app_that_apps_yml_has_lost(server: Server) -> None:
    server.list_apps()
    server.orphan("a.git")
    server.orphan("b.git")
    server.release(A)
    server.removals.begin(B, with_storage=False)
    assert repositories(server.repositories.unlisted()) == repositories(())


def test_nobody_knows_while_there_is_no_apps_yml(server: Server) -> None:
    server.orphan("a.git")
    assert not server.paths.apps_yml.exists()
    assert server.repositories.unlisted() == ()
    assert not server.repositories.delete_unowned(A)
    assert server.there() == ["a.git"]


# What is none of ours


def test_a_foreign_file_is_in_no_other_apps_way(server: Server) -> None:
    names = [AppName(f"a{number:02}") for number in range(45)]
    server.list_apps(*names)
    server.paths.repos.mkdir(parents=True)
    (server.paths.repos / "a03.git").write_text("x")
    with pytest.raises(FileProblem, match=r"a03\.git"):
        server.repositories.refresh()
    assert sum(server.paths.repo(name).is_dir() for name in names) == 44


def test_one_that_cannot_be_mended_is_in_no_other_apps_way(server: Server) -> None:
    server.list_apps(A, B)
    server.orphan("a.git")
    (server.paths.repo(A) / "hooks").write_text("a file")
    with pytest.raises(FileProblem):
        server.repositories.refresh()
    assert BareRepository(server.paths.repo(B)).exists


@pytest.mark.parametrize("kind", ["file", "link", "broken link"])
def test_a_file_in_place_of_a_repository_is_deleted_with_its_app(server: Server, tmp_path: Path, kind: str) -> None:
    server.list_apps(A)
    server.paths.repos.mkdir(parents=True)
    target = tmp_path / "target"
    if kind != "broken link":
        target.write_text("x")
    if kind == "file":
        server.paths.repo(A).write_text("x")
    else:
        server.paths.repo(A).symlink_to(target)
    server.remove(A)
    assert server.there() == []
    assert target.exists() == (kind != "broken link")
