"""git on bare repositories of the server: argv lists, no hooks of others, no configuration but the repository's own."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deployhost.errors import CommandFailed, CommandTimedOut, FileProblem, NotFound, TreeTooLarge
from deployhost.model import Branch, Sha
from deployhost.sizes import readable_size
from deployhost.system import files, machine
from deployhost.system.git_config import lines, plain_values
from deployhost.system.git_count import TreeCount
from deployhost.system.process import Completed, OnPiece, run
from deployhost.system.stop import Stop
from deployhost.system.tree import directories, discard_tree

# Settings of whoever started us (aliases, credential helpers, filters) have no say in what is deployed.
ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    # Who may push could otherwise have one commit shown, and another one built in its place (git-replace(1)).
    "GIT_NO_REPLACE_OBJECTS": "1",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}

LONGEST = 200  # characters of a subject; git has no limit, and it is shown with every deploy
SUBJECT_BYTES = 4096  # of what git says of a commit that are read: what follows can't be seen
# Bytes of address space of a git process: half of the machine's memory. With less than the first of these git can't read what
# ordinary repositories hold, and files of more than the second make no app.
LEAST_MEMORY, MOST_MEMORY = 1024**3, 2 * 1024**3
# So that mapping a large pack does not count against that (git-config(1)), and large files are passed on, not held.
FRUGAL = ("-c", "core.packedGitWindowSize=32m", "-c", "core.packedGitLimit=256m", "-c", "core.bigFileThreshold=64m")
FRUGAL_GC = ("-c", "gc.autoDetach=false", "-c", "pack.windowMemory=64m", "-c", "pack.threads=1")
MOST_REFERENCES = 5000  # that are named: anybody may push hundreds of thousands
MANY = 50  # objects that may begin with the same digits


@dataclass(frozen=True)
class Commit:
    """A commit: its sha, and the first line of its message, shortened to LONGEST characters."""

    sha: Sha
    subject: str


@dataclass(frozen=True)
class BareRepository:
    """A bare repository, asked and changed by git."""

    path: Path

    @property
    def exists(self) -> bool:
        """Return whether there is a repository."""
        return (self.path / "HEAD").is_file() and (self.path / "objects").is_dir()

    def create(self, branch: Branch, settings: dict[str, str]) -> None:
        """Make the repository, with its first branch's name and settings; one that is there keeps its content."""
        if not self.exists:
            argv = ["git", "init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", str(self.path)]
            run(argv, env=ENVIRONMENT, timeout=30)
            if settings:
                self._append(settings)
        self.configure(settings)

    def configure(self, settings: dict[str, str]) -> None:
        """Give the repository these settings. Without a difference no git is started: there may be hundreds of repositories."""
        now = plain_values((files.read(self.path / "config") or b"").decode("utf-8", "surrogateescape"))
        for name, value in settings.items():
            if now is None or now.get(name.lower()) != [value]:
                self._git("config", "--replace-all", name, value)

    def _append(self, settings: dict[str, str]) -> None:
        try:
            with (self.path / "config").open("a", encoding="utf-8") as config:
                config.write(lines(settings))
        except OSError as error:
            raise files.problem("write", self.path / "config", error) from error

    def holds_nothing(self) -> bool:
        """Return whether it has neither a ref nor an object, nor anything that a push has begun to write."""
        try:
            if (self.path / "packed-refs").exists():
                return False
            # A push first makes a directory of its own there (git-receive-pack(1), "Quarantine environment").
            there = {entry.name for entry in (self.path / "objects").iterdir()}
            return there <= {"info", "pack"} and not _holds_files(self.path / "refs", self.path / "objects")
        except (OSError, FileProblem):  # it can't be read, or somebody has just deleted it: nobody knows
            return False

    def default_branch(self) -> Branch | None:
        """Return the branch that HEAD names, or the only branch if that one has no commit; None if neither has one."""
        head = self._git("symbolic-ref", "--quiet", "HEAD", check=False).stdout.strip()
        names = self._git("for-each-ref", "--format=%(refname)", "refs/heads").stdout.split()
        chosen = head if head in names else names[0] if len(names) == 1 else None
        return None if chosen is None else Branch(chosen.removeprefix("refs/heads/"))

    def set_head(self, branch: Branch) -> None:
        """Make a branch what a clone checks out."""
        self._git("symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def resolve(self, name: str) -> Sha | None:
        """Return the sha of the commit that a ref or a name means, or None."""
        done = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", check=False)
        return Sha(done.stdout.strip()) if done.code == 0 else None

    def commits(self, prefix: str) -> list[Sha]:
        """Return the commits whose shas begin with at least four hex digits."""
        listed = self._git("rev-parse", f"--disambiguate={prefix}", check=False).stdout.split()
        return [sha for sha in map(Sha, listed[:MANY]) if self.resolve(sha) == sha]

    def references(self) -> list[str]:
        """Return the names of the branches, then those of the tags, without refs/heads/ and refs/tags/; MOST_REFERENCES of them."""
        options = (f"--count={MOST_REFERENCES}", "--format=%(refname)")
        listed = self._git("for-each-ref", *options, "refs/heads", "refs/tags").stdout.splitlines()
        return [name.removeprefix("refs/heads/").removeprefix("refs/tags/") for name in listed]

    def commit(self, sha: Sha) -> Commit:
        """Return a commit with its subject. Raises NotFound."""
        said = bytearray()

        def read(piece: bytes) -> None:
            said.extend(piece[: SUBJECT_BYTES - len(said)])

        # The subject is cut while it is read: it may have megabytes.
        options = ["-1", "--no-show-signature", "--format=%H %s", "--end-of-options"]
        done = self._git("log", *options, sha, "--", check=False, on_piece=read, reads=True)
        text = said.decode("utf-8", "replace").rstrip("\n")
        found, _, subject = text.partition(" ")
        if done.code != 0 or not found:
            raise _too_large(sha, done.stderr) or NotFound(
                f"commit {sha.short} is not in {self.path.name}", hint="git push"
            )
        if found != sha:
            raise NotFound(
                f"{sha.short} is a tag, not a commit",
                hint=f"git rev-parse '{sha.short}^{{commit}}'",
                details=("push the commit that the tag names",),
            )
        return Commit(sha, subject if len(subject) <= LONGEST else subject[: LONGEST - 1] + "…")

    def is_ancestor(self, older: Sha, newer: Sha) -> bool:
        """Return whether the newer commit contains the older."""
        return self._git("merge-base", "--is-ancestor", older, newer, check=False, reads=True).code == 0

    def move_branch(self, branch: Branch, to: Sha) -> None:
        """Point a branch at a commit."""
        self._git("update-ref", f"refs/heads/{branch}", to)

    def keep(self, reference: str, sha: Sha) -> None:
        """Point a reference at a commit, so that git does not drop it."""
        self._git("update-ref", reference, sha)

    def kept(self, prefix: str) -> list[str]:
        """Return the references whose names begin with a prefix that ends in a slash."""
        return self._git("for-each-ref", "--format=%(refname)", prefix).stdout.splitlines()

    def drop(self, references: Iterable[str]) -> None:
        """Delete references."""
        commands = "".join(f"delete {name}\n" for name in references)
        if commands:
            run(
                ["git", f"--git-dir={self.path}", "update-ref", "--stdin"],
                env=ENVIRONMENT,
                timeout=60,
                stdin=commands.encode(),
            )

    def tidy(self) -> None:
        """Have git pack what has piled up, if it is much."""
        self._git(*FRUGAL_GC, "gc", "--auto", "--quiet", check=False, timeout=600, reads=True)

    def check_out(self, sha: Sha, tree: Path, stop: Stop | None = None) -> str:
        """Make a directory that is ours alone hold exactly a commit's files, and return a digest of them: the same one, the same files.

        Files that did not change keep their times, so that BuildKit sends only what changed. A directory that an
        interrupted run left in an unknown state is made anew. Raises TreeTooLarge, CommandStopped once `stop` is set.
        """
        stop = stop or Stop()
        stop.check()
        counting = TreeCount(sha.short)
        listing = ("ls-tree", "-r", "-t", "-l", "-z", "--full-tree", sha)
        self._git(*listing, on_piece=counting.take, stop=stop, reads=True)
        stop.check()
        try:
            self._read_tree(sha, tree, stop)
        except (CommandFailed, CommandTimedOut) as error:
            if refused := _too_large(sha, "\n".join(error.details)):
                raise refused from error
            index_of(tree).unlink(missing_ok=True)
            discard_tree(tree)
            self._read_tree(sha, tree, stop)
        return counting.digest

    def _read_tree(self, sha: Sha, tree: Path, stop: Stop | None) -> None:
        index = index_of(tree)
        lock = index.with_name(index.name + ".lock")
        if lock.exists() or not index.exists():
            # Without an index git would leave files of an earlier commit lying about.
            lock.unlink(missing_ok=True)
            index.unlink(missing_ok=True)
            discard_tree(tree)
        tree.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._git(
            f"--work-tree={tree}", "-c", "core.hooksPath=/dev/null", "-c", "core.bare=false", "read-tree", "-u", "--reset", sha,
            env={**ENVIRONMENT, "GIT_INDEX_FILE": str(index)}, timeout=300, stop=stop, reads=True,
        )  # fmt: skip

    def _git(
        self,
        *arguments: str,
        check: bool = True,
        env: dict[str, str] | None = None,
        timeout: float = 60,
        stop: Stop | None = None,
        on_piece: OnPiece | None = None,
        reads: bool = False,
    ) -> Completed:
        """Run git. `reads` is whether it reads what anybody may have committed: its memory is limited then."""
        argv = ["git", f"--git-dir={self.path}", *FRUGAL, *arguments]
        return run(
            argv,
            env=env or ENVIRONMENT,
            timeout=timeout,
            check=check,
            stop=stop,
            on_piece=on_piece,
            memory=memory_limit(machine.memory()) if reads else None,
        )


def memory_limit(memory: int) -> int:
    """Return the bytes of address space that a git process may have on a machine with so much memory."""
    return min(max(memory // 2, LEAST_MEMORY), MOST_MEMORY)


def _too_large(sha: Sha, said: str) -> TreeTooLarge | None:
    """Return the error for a commit that git lacks memory for, if that is what it says (usage.c, wrapper.c)."""
    if "out of memory" not in said.lower():
        return None
    return TreeTooLarge(
        f"commit {sha.short} can't be read: git needs more than {readable_size(memory_limit(machine.memory()))} of memory for it"
    )


def _holds_files(*tops: Path) -> bool:
    """Return whether there is a file or a link below these directories. Raises OSError or FileProblem if one of them can't be read."""
    for top in tops:
        for directory in directories(top):
            with os.scandir(directory) as entries:
                if not all(entry.is_dir(follow_symlinks=False) for entry in entries):
                    return True
    return False


def index_of(tree: Path) -> Path:
    """Return where the index of a work tree that `check_out` fills lies: beside it, so that the tree is the commit's alone."""
    return tree.with_name(tree.name + ".index")
