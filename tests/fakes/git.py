"""Repositories in which every commit exists."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.errors import CommandFailed
from deployhost.model import Branch, Sha
from deployhost.system.git import BareRepository, Commit
from deployhost.system.git_fetch import GitFetcher, Remote
from deployhost.system.stop import Stop
from tests.fakes.github import FakeGitHub
from tests.fakes.github import FakeRepository as RepositoryThere
from tests.fakes.life import Life


@dataclass
class Refs:
    """What the repositories have: branches by name, and what a clone checks out."""

    branches: dict[str, str] = field(default_factory=dict)
    head: str = "main"
    kept: dict[str, str] = field(default_factory=dict)


class FakeRepository(BareRepository):
    """Given the refs and a life, the calls of system.git that a deploy needs; every commit exists, with a Dockerfile of its own."""

    def __init__(self, path: Path, refs: Refs, life: Life) -> None:
        super().__init__(path)
        self._refs = refs
        self._life = life

    def keep(self, reference: str, sha: Sha) -> None:
        self._life.effect("git keep")
        self._refs.kept[reference] = sha

    def kept(self, prefix: str) -> list[str]:
        return [name for name in self._refs.kept if name.startswith(prefix)]

    def drop(self, references: Iterable[str]) -> None:
        for name in references:
            del self._refs.kept[name]

    def tidy(self) -> None:
        pass

    def commits(self, prefix: str) -> list[Sha]:
        return [Sha(sha) for sha in sorted({*self._refs.kept.values()}) if sha.startswith(prefix)]

    def commit(self, sha: Sha) -> Commit:
        return Commit(sha, f"subject of {sha.short}")

    def resolve(self, name: str) -> Sha | None:
        found = self._refs.branches.get(name.removeprefix("refs/heads/"))
        return None if found is None else Sha(found)

    def default_branch(self) -> Branch | None:
        branches = [*self._refs.branches]
        return Branch(branches[0]) if len(branches) == 1 else None

    def is_ancestor(self, older: Sha, newer: Sha) -> bool:
        return older == newer  # no commit here contains another

    def set_head(self, branch: Branch) -> None:
        self._life.effect("git set_head")
        self._refs.head = branch

    def move_branch(self, branch: Branch, to: Sha) -> None:
        self._life.effect("git move_branch")
        self._refs.branches[branch] = to

    def check_out(self, sha: Sha, tree: Path, stop: Stop | None = None) -> str:
        self._life.effect("git check_out")
        tree.mkdir(parents=True, exist_ok=True)
        (tree / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        (tree / "COMMIT").write_text(sha, encoding="utf-8")
        return sha


class RepositoryOfPages(FakeRepository):
    """One whose commits have no Dockerfile: ours is used, and the image runs as the app's own user."""

    def check_out(self, sha: Sha, tree: Path, stop: Stop | None = None) -> str:
        digest = super().check_out(sha, tree, stop)
        (tree / "Dockerfile").unlink()
        (tree / "index.html").write_text("hello", encoding="utf-8")
        return digest


class RepositoryWithoutGit(FakeRepository):
    """One that is made without git, where no process may start."""

    def create(self, branch: Branch, settings: dict[str, str]) -> None:
        (self.path / "objects").mkdir(parents=True, exist_ok=True)
        (self.path / "HEAD").write_text(f"ref: refs/heads/{branch}\n")

    def configure(self, settings: dict[str, str]) -> None:
        pass


class FakeFetcher(GitFetcher):
    """git's way to the repositories of a GitHub in memory: by name, with a token that is good for one of them, or for public ones."""

    def __init__(self, github: FakeGitHub, life: Life) -> None:
        super().__init__({})
        self._github = github
        self._life = life

    def references(self, remote: Remote, *names: str) -> dict[str, Sha]:
        there = self._there("ls-remote", remote)
        known = {f"refs/heads/{name}": sha for name, sha in there.branches.items()} | there.tags
        return {name: known[name] for name in names if name in known}

    def fetch(self, repository: BareRepository, remote: Remote, what: str, into: str) -> Sha:
        self._life.effect("git fetch")
        there = self._there("fetch", remote)
        if what in there.commits:
            return Sha(what)
        found = {f"refs/heads/{name}": sha for name, sha in there.branches.items()} | there.tags
        if what not in found:
            raise CommandFailed("git failed", status=128, details=(f"fatal: couldn't find remote ref {what}",))
        return found[what]

    def _there(self, call: str, remote: Remote) -> RepositoryThere:
        self._github.begin(call)
        named = {one.facts.clone_url.lower(): one for one in self._github.repositories.values()}
        there = named.get(remote.url.lower())
        _, _, token = base64.b64decode(remote.authorization.reveal().removeprefix("Basic ")).decode().partition(":")
        if there is None or (there.facts.private and f"_only_{there.id}_" not in token):
            raise CommandFailed("git failed", status=128, details=("remote: Repository not found.",))
        return there
