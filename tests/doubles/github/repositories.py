"""A repository of the double: a real bare repository, and what a person does to it. Each change tells the Apps that see it."""

import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.doubles.github.world import Account, Event, World, same

NOTHING = "0" * 40
ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
MOST_TAGS, MOST_BRANCHES, MOST_COMMITS = 3, 5000, 2048  # docs.github.com, "Webhook events and payloads", push


@dataclass
class Repository:
    """A repository. Everything but the content is changed under the world's lock; made by `create`."""

    world: World
    id: int
    owner: Account
    name: str
    default_branch: str
    private: bool
    created: str
    archived: bool = False
    pushed: str | None = None
    former_branches: dict[str, str] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    pushing: threading.RLock = field(default_factory=threading.RLock)

    @property
    def full_name(self) -> str:
        """OWNER/NAME."""
        return f"{self.owner.login}/{self.name}"

    @property
    def path(self) -> Path:
        """Where the bare repository lies; a rename leaves it there."""
        return self.world.folder / f"{self.id}.git"

    @property
    def url(self) -> str:
        """The page, and without .git also what git clones."""
        return f"{self.world.web}/{self.full_name}"

    def git(self, *argv: str, given: bytes = b"", check: bool = True) -> str:
        """Run git on the bare repository and return what it prints."""
        command = ["git", "-C", str(self.path), *argv]
        done = subprocess.run(command, input=given, capture_output=True, env=ENVIRONMENT, check=False, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(argv)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="replace").strip("\n") if done.returncode == 0 else ""

    def head(self, branch: str | None = None) -> str | None:
        """Return the sha of a branch (of the default branch), None if there is none."""
        return self.resolve(f"refs/heads/{branch or self.default_branch}")

    def resolve(self, name: str) -> str | None:
        """Return the sha of the commit that a ref or sha means."""
        return (
            self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", check=False) or None
        )

    def references(self) -> dict[str, str]:
        """Return each ref with its sha."""
        listed = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return {name: sha for name, _, sha in (line.partition(" ") for line in listed)}

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        message: str = "A change",
        *,
        branch: str | None = None,
        parent: str | None = "",
    ) -> str:
        """Push a commit with these files changed (None deletes one) and return its sha.

        The parent is the branch's head, of a new branch the default branch's. Another `parent` makes it a force push;
        with None the commit has no parent.
        """
        branch = branch or self.default_branch
        with self.pushing:
            base = (self.head(branch) or self.head()) if parent == "" else parent
            sha = self.make_commit(files, message, base)
            self.push(branch, sha)
        return sha

    def make_commit(self, files: Mapping[str, str | bytes | None], message: str, parent: str | None) -> str:
        """Store a commit that no branch names, and return its sha."""
        # Without `from` a commit has no parent only where its ref is not there yet, so the ref is deleted each time.
        stream = [b"feature done\ncommit refs/made/now\nmark :1\n"]
        stream.append(b"committer A Person <person@example.com> %d +0000\n" % int(self.world.clock.now()))
        stream.append(_data(message.encode()))
        stream.append(f"from {parent}\n".encode() if parent else b"")
        for path, content in files.items():
            if content is None:
                stream.append(f"D {path}\n".encode())
            else:
                mode = "100755" if path.endswith(".sh") else "100644"
                stream.append(f"M {mode} inline {path}\n".encode())
                stream.append(_data(content.encode() if isinstance(content, str) else content))
        stream.append(b"get-mark :1\ndone\n")
        with self.pushing:
            sha = self.git("fast-import", "--quiet", "--force", given=b"".join(stream))
            self.git("update-ref", "-d", "refs/made/now")
        return sha

    def push(self, branch: str, sha: str) -> None:
        """Move or create a branch: a force push, if the commit does not contain the old head."""
        with self.pushing:
            before = self.references()
            self.git("update-ref", f"refs/heads/{branch}", sha)
            self.pushed_since(before)

    def delete_branch(self, branch: str) -> None:
        """Delete a branch."""
        with self.pushing:
            before = self.references()
            self.git("update-ref", "-d", f"refs/heads/{branch}")
            self.pushed_since(before)

    def pushed_since(self, before: Mapping[str, str], sender: Account | None = None) -> None:
        """Tell what a push changed. GitHub tells nothing of a push that has too many refs."""
        after = self.references()
        changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        self.git("symbolic-ref", "HEAD", f"refs/heads/{self.default_branch}")
        with self.world.lock:
            self.pushed = self.world.clock.stamp()
            for name in changed:
                self.former_branches.pop(name.removeprefix("refs/heads/"), None)
        if _too_many(changed):
            return
        for name in changed:
            if name.startswith(("refs/heads/", "refs/tags/")):
                self._tell_push(name, before.get(name, NOTHING), after.get(name, NOTHING), sender)

    def _tell_push(self, ref: str, before: str, after: str, sender: Account | None) -> None:
        created, deleted = before == NOTHING, after == NOTHING
        forced = not created and not deleted and self.git("merge-base", before, after, check=False) != before
        known = [f"--exclude={ref.removeprefix('refs/heads/')}", "--branches", *([] if created else [before])]
        listed = "" if deleted else self.git("rev-list", f"-n{MOST_COMMITS}", after, "--not", *known)
        details = {
            "ref": ref,
            "before": before,
            "after": after,
            "created": created,
            "deleted": deleted,
            "forced": forced,
            "shas": listed.split()[::-1],
        }
        self.tell("push", None, sender, **details)

    def tell(self, name: str, action: str | None, sender: Account | None = None, **details: object) -> None:
        """Tell the Apps that see the repository of an event."""
        self.world.announce(Event(name, action, repository=self, sender=sender or self.owner, details=dict(details)))

    def rename(self, name: str) -> None:
        """Rename it; the old name leads here until it is used again."""
        with self.world.lock:
            old = self.name
            self.world.former_names[self.full_name.lower()] = self.id
            self.name = name
        self.tell("repository", "renamed", old_name=old)

    def transfer(self, owner: Account) -> None:
        """Give it to another account. Installations of the old owner lose it, also if it comes back (they choose anew)."""
        with self.world.lock:
            old = self.owner
            self.world.former_names[self.full_name.lower()] = self.id
            self.owner = owner
            for installation in self.world.installations.values():
                if installation.selected is not None:
                    installation.selected.discard(self.id)
        self.tell("repository", "transferred", old_owner=old)

    def set_default_branch(self, branch: str) -> None:
        """Make another branch, which is there already, the default one."""
        with self.world.lock:
            old, self.default_branch = self.default_branch, branch
        self.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        self.tell("repository", "edited", old_default_branch=old)

    def rename_default_branch(self, branch: str) -> None:
        """Rename the default branch. The old name leads to the new one in the API (docs.github.com, "Renaming a branch").

        No delivery tells of it but `repository` with `edited`.
        """
        old = self.default_branch
        sha = self.head()
        if sha is not None:
            self.git("update-ref", f"refs/heads/{branch}", sha)
            self.git("update-ref", "-d", f"refs/heads/{old}")
        with self.world.lock:
            self.former_branches[old] = branch
            self.former_branches.pop(branch, None)
        self.set_default_branch(branch)

    def archive(self, archived: bool = True) -> None:
        """Make it read-only, or undo that."""
        with self.world.lock:
            self.archived = archived

    def delete(self) -> None:
        """Delete it. Its name then leads nowhere."""
        with self.world.lock:
            self.world.repositories.pop(self.id, None)

    def statuses_of(self, sha: str) -> list[dict[str, Any]]:
        """Return the statuses of a commit, newest first."""
        with self.world.lock:
            return [status for status in reversed(self.statuses) if status["sha"] == sha]

    def latest_statuses(self, sha: str) -> dict[str, dict[str, Any]]:
        """Return the newest status of each context of a commit. Contexts ignore case."""
        latest: dict[str, dict[str, Any]] = {}
        for status in self.statuses_of(sha):
            if not any(same(status["context"], context) for context in latest):
                latest[status["context"]] = status
        return latest


def create(world: World, owner: Account, name: str, *, branch: str = "main", private: bool = True) -> Repository:
    """Make an empty repository. A former name is from now on this one's."""
    repository = Repository(world, world.new_id(), owner, name, branch, private, world.clock.stamp())
    assert world.named(repository.full_name) is None, f"{repository.full_name} is taken"
    argv = ["git", "init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", str(repository.path)]
    subprocess.run(argv, env=ENVIRONMENT, check=True, timeout=60)
    with (repository.path / "config").open("a", encoding="utf-8") as config:
        # Objects that no ref names any more stay: GitHub keeps them for months.
        config.write("[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n[http]\n\treceivepack = true\n")
    with world.lock:
        world.repositories[repository.id] = repository
        world.former_names.pop(repository.full_name.lower(), None)
    return repository


def _too_many(changed: Sequence[str]) -> bool:
    tags = sum(name.startswith("refs/tags/") for name in changed)
    return tags > MOST_TAGS or len(changed) - tags > MOST_BRANCHES


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
