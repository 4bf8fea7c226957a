"""After an upgrade, apps whose builds used what the host logs in with may use it on; others may not, and nobody is asked twice."""

import json
import sqlite3
from pathlib import Path

import pytest

from deployhost.apps.lent_before import LendingUpgrade, host_logins
from deployhost.build.credentials_plan import HostLogins
from deployhost.config import apps as apps_config
from deployhost.errors import InvalidConfig
from deployhost.journal.database import Database
from deployhost.journal.lent_before import LentBefore
from deployhost.journal.schema import MIGRATIONS
from deployhost.model import AppName
from deployhost.paths import Paths

CREATES = next(number for number, text in enumerate(MIGRATIONS) if "CREATE TABLE lent_before" in text)
BLOG, SHOP, GONE = AppName("blog"), AppName("shop"), AppName("gone")


class World:
    """A server that had three apps before the upgrade; one of them is out of apps.yml by now."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        for folder in (self.paths.state, self.paths.config):
            folder.mkdir(parents=True)
        self.paths.apps_yml.write_text("apps:\n  blog:\n  shop:\n  new:\n")
        with sqlite3.connect(self.paths.journal) as raw:
            raw.executescript("".join(MIGRATIONS[:CREATES]) + f"PRAGMA user_version = {CREATES};")
            columns = [row[1] for row in raw.execute("PRAGMA table_info(releases)") if row[3] and row[4] is None]
            for app in (BLOG, SHOP, GONE):
                values = [app if name == "app" else f"{app}-{name}" for name in columns]
                raw.execute(
                    f"INSERT INTO releases ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", values
                )
        raw.close()
        for app, name in ((BLOG, "requirements.txt"), (SHOP, "package.json"), (GONE, "requirements.txt")):
            self.paths.build_tree(app).mkdir(parents=True)
            (self.paths.build_tree(app) / name).touch()
        self.list = LentBefore(Database(self.paths.journal))

    def upgrade(self, host: HostLogins) -> list[str]:
        return list(LendingUpgrade(paths=self.paths, lent_before=self.list, logins=lambda: host).keep())

    @property
    def allowed(self) -> set[str]:
        known = apps_config.load(self.paths.apps_yml)
        return {name for name in known.known if known.get(name).build_credentials}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_apps_of_before_are_listed(world: World) -> None:
    assert world.list.apps() == [BLOG, GONE, SHOP]


def test_a_new_journal_has_none(tmp_path: Path) -> None:
    assert LentBefore(Database(tmp_path / "journal.db")).apps() == []


def test_who_used_it_keeps_it(world: World) -> None:
    (note,) = world.upgrade(HostLogins(pip=True))
    assert "blog" in note
    assert world.allowed == {"blog"}
    assert world.list.apps() == []


def test_what_its_owner_chose_since_stays(world: World) -> None:
    world.upgrade(HostLogins(pip=True))
    world.paths.apps_yml.write_text("apps:\n  blog:\n")
    assert world.upgrade(HostLogins(pip=True)) == []
    assert world.allowed == set()


def test_a_mistake_in_apps_yml_leaves_it_for_later(world: World) -> None:
    right = world.paths.apps_yml.read_text()
    world.paths.apps_yml.write_text("apps: [\n")
    with pytest.raises(InvalidConfig):
        world.upgrade(HostLogins(pip=True))
    world.paths.apps_yml.write_text(right)
    world.upgrade(HostLogins(pip=True))
    assert world.allowed == {"blog"}


def test_what_a_host_logs_in_with(tmp_path: Path) -> None:
    assert host_logins({"HOME": str(tmp_path)}) == HostLogins(registries=frozenset())
    (tmp_path / ".npmrc").write_text("//npm.example/:_authToken=t0p\n")
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {"registry.example.com": {}}}))
    found = host_logins({"HOME": str(tmp_path), "PIP_INDEX_URL": "https://user:t0p@pypi.example/simple"})
    assert found == HostLogins(pip=True, npm=True, registries=frozenset({"registry.example.com"}))


@pytest.mark.parametrize("error", [Exception(), RecursionError(), MemoryError()], ids=repr)
def test_one_apps_files_keep_nobody_from_being_asked(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    used = LendingUpgrade._used

    def broken(self: LendingUpgrade, app: AppName, host: HostLogins) -> bool:
        if app == SHOP:
            raise error
        return used(self, app, host)

    monkeypatch.setattr(LendingUpgrade, "_used", broken)
    world.upgrade(HostLogins(npm=True))
    assert world.allowed == {"shop"}, "where nobody knows, an upgrade breaks no build"
    assert world.list.apps() == []


def test_a_dockerfile_of_gigabytes_is_not_read(world: World) -> None:
    with (world.paths.build_tree(SHOP) / "Dockerfile").open("wb") as file:
        file.write(b"FROM a\n")
        file.truncate(64 * 1024**3)  # of which nothing is on the disk
    world.upgrade(HostLogins(npm=True))
    assert world.allowed == set()
