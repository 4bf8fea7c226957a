"""Repositories in which every commit exists."""

from dataclasses import dataclass, field
from pathlib import Path

from deployhost.model import Branch, Sha
from deployhost.system.git import BareRepository, Commit
from tests.fakes.life import Life


@dataclass
class Refs:
    """What the repositories have: branches by name, and what a clone checks out."""

    branches: dict[str, str] = field(default_factory=dict)
    head: str = "main"


class FakeRepository(BareRepository):
    """Given the refs and a life, the calls of system.git that a deploy needs; every commit exists, with a Dockerfile of its own."""

    def __init__(self, path: Path, refs: Refs, life: Life) -> None:
        super().__init__(path)
        self._refs = refs
        self._life = life

    def commit(self, sha: Sha) -> Commit:
        return Commit(sha, sha, f"subject of {sha.short}")

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

    def check_out(self, sha: Sha, tree: Path) -> None:
        self._life.effect("git check_out")
        tree.mkdir(parents=True, exist_ok=True)
        (tree / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        (tree / "COMMIT").write_text(sha, encoding="utf-8")
