"""The owners of the apps' storage without root, and the accounts of a server."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.containers import image_user
from deployhost.model import MOUNTED_AT
from deployhost.system.docker_model import Container, Image
from deployhost.system.host_accounts import HostAccounts
from deployhost.system.owners import Owner, Owners
from tests.fakes.docker import Engine
from tests.fakes.life import Life


@dataclass
class Possession:
    """Whose each directory of storage is, and the one file that lies in it."""

    directories: dict[Path, Owner] = field(default_factory=dict)
    files: dict[Path, Owner] = field(default_factory=dict)  # by its directory

    def check(self, container: Container, image: Image) -> None:
        """A container that starts can write to its storage: all of that belongs to its user."""
        user = image_user.owner(image.user) if image.user else None
        for directory in (Path(source) for source, target in container.mounts if target == MOUNTED_AT):
            found = {self.directories.get(directory), self.files.get(directory)}
            assert user is None or found == {user}, f"{container.name} starts as {user}, its storage is of {found}"


class FakeOwners(Owners):
    """The owners of directories, which change hands in two effects: what lies in them, then they themselves.

    A chown of what a running container has mounted fails: nobody may have done that.
    """

    def __init__(self, possession: Possession, engine: Engine, life: Life) -> None:
        self._possession, self._engine, self._life = possession, engine, life

    def of(self, directory: Path) -> Owner | None:
        return self._possession.directories.get(directory, Owner(0, 0)) if directory.is_dir() else None

    def below(self, directory: Path) -> dict[str, Owner]:
        names = [path.name for path in directory.iterdir()] if directory.is_dir() else []
        return {name: owner for name in names if (owner := self.of(directory / name)) is not None}

    def make(self, directory: Path, owner: Owner) -> None:
        self._life.effect("mkdir")
        directory.mkdir(parents=True, exist_ok=True)
        self._possession.directories[directory] = self._possession.files[directory] = owner

    def give(self, directory: Path, before: Collection[Owner], owner: Owner) -> None:
        held = [one.name for one in self._engine.running if (str(directory), MOUNTED_AT) in one.mounts]
        assert not held, f"{directory} changes hands while {held} write there"
        self._life.effect("chown files")
        if self._possession.files.get(directory) in before:
            self._possession.files[directory] = owner
        self._life.effect("chown directory")
        self._possession.directories[directory] = owner


class FakeAccounts(HostAccounts):
    """HostAccounts and groups by number, and ranges of subordinate ids."""

    def __init__(self, users: Mapping[int, str] | None = None, groups: Mapping[int, str] | None = None) -> None:
        super().__init__(())
        self.users, self.groups = dict(users or {}), dict(groups or {})
        self.ranges: list[range] = []

    def user(self, uid: int) -> str | None:
        return self.users.get(uid)

    def group(self, gid: int) -> str | None:
        return self.groups.get(gid)

    def subordinate(self) -> list[range]:
        return self.ranges
