"""git on real bare repositories."""

import contextlib
import subprocess
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from deployhost.errors import CommandFailed, CommandStopped, NotFound, TreeTooLarge
from deployhost.model import Branch, Sha
from deployhost.system import git as git_module
from deployhost.system.git import ENVIRONMENT, LONGEST, BareRepository, Commit, index_of, memory_limit
from deployhost.system.stop import Stop
from deployhost.system.tree import remove_tree
from tests.inputs.deep_tree import DEEP, MakeDeep

MAIN = Branch("main")
WHO = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
MakeCommit = Callable[..., Sha]


def git(path: Path, *arguments: str, stdin: str | None = None) -> str:
    return subprocess.run(
        ["git", "-C", str(path), *arguments],
        env={**ENVIRONMENT, **WHO},
        input=stdin,
        text=True,
        capture_output=True,
        check=True,
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    repository = BareRepository(tmp_path / "shop.git")
    repository.create(MAIN, {"receive.denyDeletes": "false"})
    return repository


@pytest.fixture
def commit(repository: BareRepository) -> MakeCommit:
    """Make a commit of files by name (text, or "-> target" for a link), with a subject."""

    def make(files: dict[str, str], subject: str = "subject", parent: Sha | None = None) -> Sha:
        index = {"GIT_INDEX_FILE": str(repository.path / "made.index")}
        (repository.path / "made.index").unlink(missing_ok=True)
        for name, text in files.items():
            mode = "120000" if text.startswith("-> ") else "100644"
            blob = git(repository.path, "hash-object", "-w", "--stdin", stdin=text.removeprefix("-> "))
            subprocess.run(
                ["git", "-C", str(repository.path), "update-index", "--add", "--cacheinfo", f"{mode},{blob},{name}"],
                env={**ENVIRONMENT, **index}, check=True,
            )  # fmt: skip
        tree = subprocess.run(
            ["git", "-C", str(repository.path), "write-tree"],
            env={**ENVIRONMENT, **index}, text=True, capture_output=True, check=True,
        ).stdout.strip()  # fmt: skip
        parents = ["-p", parent] if parent else []
        return Sha(git(repository.path, "commit-tree", tree, *parents, "-m", subject))

    return make


def listing(tree: Path) -> dict[str, str]:
    files = [path for path in tree.rglob("*") if path.is_symlink() or path.is_file()]
    return {str(p.relative_to(tree)): f"-> {p.readlink()}" if p.is_symlink() else p.read_text() for p in files}


def test_created(repository: BareRepository, commit: MakeCommit) -> None:
    assert repository.exists
    assert not BareRepository(repository.path.parent).exists
    assert not repository.references()
    sha = commit({"a": "1"})
    repository.move_branch(MAIN, sha)
    repository.create(Branch("other"), {"receive.denyDeletes": "true", "gc.auto": "5"})
    assert repository.references(), "what is there is kept"
    assert repository.resolve("HEAD") == sha
    assert git(repository.path, "config", "gc.auto") == "5"
    assert git(repository.path, "config", "receive.denyDeletes") == "true"


def test_setting_that_somebody_doubled(repository: BareRepository) -> None:
    git(repository.path, "config", "--add", "receive.denyDeletes", "true")
    repository.create(MAIN, {"receive.denyDeletes": "false"})
    assert git(repository.path, "config", "--get-all", "receive.denyDeletes") == "false"


def test_commits(repository: BareRepository, commit: MakeCommit) -> None:
    first = commit({"a": "1"}, "first: ünï, with  spaces\n\nand a body")
    second = commit({"a": "2"}, "second", first)
    found = repository.commit(first)
    assert (found.sha, found.subject) == (first, "first: ünï, with  spaces")
    assert repository.is_ancestor(first, second)
    assert not repository.is_ancestor(second, first)


def test_a_subject_without_end(repository: BareRepository, commit: MakeCommit) -> None:
    assert repository.commit(commit({"a": "1"}, subject="x" * 100_000)).subject == "x" * 199 + "…"


def test_commit_without_a_message(repository: BareRepository) -> None:
    tree = git(repository.path, "mktree", stdin="")
    sha = Sha(git(repository.path, "commit-tree", tree, stdin=""))
    assert repository.commit(sha).subject == ""


def test_what_is_no_commit(repository: BareRepository, commit: MakeCommit) -> None:
    sha = commit({"a": "1"})
    with pytest.raises(NotFound, match=r"is not in shop\.git"):
        repository.commit(Sha("1" * 40))
    with pytest.raises(NotFound):
        repository.commit(Sha(git(repository.path, "rev-parse", f"{sha}^{{tree}}")))
    with pytest.raises(NotFound):
        repository.commit(Sha(git(repository.path, "rev-parse", f"{sha}:a")))
    git(repository.path, "tag", "-a", "-m", "x", "v1", sha)
    with pytest.raises(NotFound, match="is a tag, not a commit"):
        repository.commit(Sha(git(repository.path, "rev-parse", "v1")))


def test_resolve(repository: BareRepository, commit: MakeCommit) -> None:
    sha = commit({"a": "1"})
    git(repository.path, "tag", "-a", "-m", "x", "v1", sha)
    assert repository.resolve("refs/heads/main") is None
    repository.move_branch(MAIN, sha)
    assert repository.resolve("refs/heads/main") == sha
    assert repository.resolve("refs/tags/v1") == sha
    assert repository.resolve("--help") is None
    assert repository.resolve("") is None


def test_branches(repository: BareRepository, commit: MakeCommit) -> None:
    first, second = commit({"a": "1"}), commit({"a": "2"})
    repository.move_branch(MAIN, first)
    repository.move_branch(MAIN, second)
    assert repository.resolve("refs/heads/main") == second
    repository.set_head(Branch("trunk"))
    repository.move_branch(Branch("trunk"), first)
    assert repository.resolve("HEAD") == first
    with pytest.raises(CommandFailed):
        repository.move_branch(Branch("main/below"), first)


def test_check_out(repository: BareRepository, commit: MakeCommit, tmp_path: Path) -> None:
    tree = tmp_path / "builds" / "shop"
    tree.parent.mkdir()
    first = {"a": "1", "dir/b": "same", "gone": "x", "link": "-> a"}
    digest = repository.check_out(commit(first), tree)
    assert listing(tree) == first
    unchanged = (tree / "dir/b").stat()
    second = {"a": "2", "dir/b": "same", "new/deep/c": "y", "gone/now-a-directory": "z"}
    assert repository.check_out(commit(second), tree) != digest
    assert listing(tree) == second
    after = (tree / "dir/b").stat()
    assert (after.st_ino, after.st_mtime_ns) == (unchanged.st_ino, unchanged.st_mtime_ns), "BuildKit sends what changed"
    assert tree.stat().st_mode & 0o777 == 0o700
    assert not (tree / ".git").exists()
    assert repository.check_out(commit(first), tree) == digest


def test_check_out_over_what_was_left(repository: BareRepository, commit: MakeCommit, tmp_path: Path) -> None:
    """Files without an index, a lock of a git that was killed, a damaged index, a file where the directory should be."""
    sha, tree = commit({"a": "1"}), tmp_path / "shop"
    index, lock = tmp_path / "shop.index", tmp_path / "shop.index.lock"
    tree.mkdir()
    (tree / "stray").touch()
    repository.check_out(sha, tree)
    assert listing(tree) == {"a": "1"}

    lock.touch()
    (tree / "a").write_text("half")
    repository.check_out(sha, tree)
    assert listing(tree) == {"a": "1"}

    index.write_bytes(b"damaged")
    repository.check_out(sha, tree)
    assert listing(tree) == {"a": "1"}


def test_files_that_a_build_changed_are_put_back(
    repository: BareRepository, commit: MakeCommit, tmp_path: Path
) -> None:
    sha, tree = commit({"a": "1", "b": "2"}), tmp_path / "shop"
    repository.check_out(sha, tree)
    (tree / "a").write_text("changed and longer")
    (tree / "b").unlink()
    repository.check_out(sha, tree)
    assert listing(tree) == {"a": "1", "b": "2"}


def test_nothing_is_written_through_a_link(repository: BareRepository, commit: MakeCommit, tmp_path: Path) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "shop"
    outside.mkdir()
    repository.check_out(commit({"x": f"-> {outside}"}), tree)
    repository.check_out(commit({"x/evil": "1"}), tree)
    assert list(outside.iterdir()) == []
    assert listing(tree) == {"x/evil": "1"}


def test_no_such_commit(repository: BareRepository, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed):
        repository.check_out(Sha("1" * 40), tmp_path / "shop")


def test_settings_of_others_have_no_say(
    repository: BareRepository, commit: MakeCommit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha, hooks = commit({"a": "1"}), tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    git(repository.path, "config", "core.hooksPath", str(hooks))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    repository.check_out(sha, tmp_path / "shop")
    assert not (tmp_path / "ran").exists()


def test_default_branch(repository: BareRepository, commit: MakeCommit) -> None:
    """What HEAD names counts where it has a commit, else the only branch there is."""
    assert repository.default_branch() is None
    made = commit({"a": "1"})
    repository.move_branch(Branch("trunk"), made)
    assert repository.default_branch() == "trunk"
    repository.move_branch(Branch("other"), made)
    assert repository.default_branch() is None, "nobody knows which of the two"
    repository.move_branch(MAIN, made)
    assert repository.default_branch() == MAIN
    git(repository.path, "update-ref", "--no-deref", "HEAD", made)
    assert repository.default_branch() is None


@pytest.mark.parametrize("name", ["d", "x" * 40])
def test_a_commit_that_is_deeper_than_pythons_stack(
    repository: BareRepository, commit: MakeCommit, tmp_path: Path, name: str
) -> None:
    """Its work tree is made anew and deleted all the same; where its paths are too long for the kernel, it is refused."""
    sha = commit({f"{name}/" * DEEP + "file": "x"})
    tree = tmp_path / "builds" / "shop"
    for _ in range(2):
        with contextlib.nullcontext() if name == "d" else pytest.raises(TreeTooLarge, match="a path is too long"):
            repository.check_out(sha, tree)
        index_of(tree).unlink(missing_ok=True)  # what an interrupted run leaves: the tree is made anew
    remove_tree(tree)
    assert not tree.exists()


def test_an_empty_repository_with_deep_references(deep: MakeDeep, repository: BareRepository) -> None:
    deep(repository.path / "refs/heads/a")
    assert not repository.holds_nothing()
    remove_tree(repository.path / "refs/heads/a")
    assert repository.holds_nothing()


def bomb(repository: BareRepository, entries: int, levels: int, blob: str = "x") -> Sha:
    """Make a commit whose trees have the one below them so many times, and the lowest a file."""
    made = git(repository.path, "hash-object", "-w", "--stdin", stdin=blob)
    kind, mode = "blob", "100644"
    for _ in range(levels):
        lines = "".join(f"{mode} {kind} {made}\t{number}\n" for number in range(entries))
        made, kind, mode = git(repository.path, "mktree", stdin=lines), "tree", "040000"
    return Sha(git(repository.path, "commit-tree", made, "-m", "bomb"))


@pytest.mark.parametrize("levels", [5, 9, 40])
def test_a_few_objects_do_not_become_a_hundred_thousand_files(
    repository: BareRepository, tmp_path: Path, levels: int
) -> None:
    """Six objects are 100,000 files, ten are a billion, and counting those would never end."""
    tree = tmp_path / "builds" / "shop"
    with pytest.raises(TreeTooLarge, match=r"more than [0-9,]+ files and directories of it are made of \d+ objects"):
        repository.check_out(bomb(repository, 10, levels), tree)
    assert not tree.exists(), "before anything is written"


def test_directories_without_files_count(repository: BareRepository, tmp_path: Path) -> None:
    made = git(repository.path, "mktree", stdin="")
    for _ in range(9):
        lines = "".join(f"040000 tree {made}\t{number}\n" for number in range(10))
        made = git(repository.path, "mktree", stdin=lines)
    with pytest.raises(TreeTooLarge):
        repository.check_out(Sha(git(repository.path, "commit-tree", made, "-m", "s")), tmp_path / "tree")


def test_a_large_file_many_times_is_counted_by_its_bytes(repository: BareRepository, tmp_path: Path) -> None:
    """15 GB were reachable with a push of a few kilobytes."""
    with pytest.raises(TreeTooLarge, match="GB of files are made of"):
        repository.check_out(bomb(repository, 1000, 1, "x" * 2_000_000), tmp_path / "tree")


def test_what_shares_a_little_is_no_bomb(repository: BareRepository, tmp_path: Path) -> None:
    repository.check_out(bomb(repository, 10, 3), tmp_path / "tree")
    assert len([*(tmp_path / "tree").rglob("*")]) == 1110


def test_a_subject_of_megabytes_is_cut_while_it_is_read(repository: BareRepository, commit: MakeCommit) -> None:
    tree = git(repository.path, "rev-parse", f"{commit({'a': '1'})}^{{tree}}")
    text = f"tree {tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n{'ä' * 10_000_000}\n"
    sha = Sha(git(repository.path, "hash-object", "-w", "-t", "commit", "--stdin", stdin=text))
    tracemalloc.start()
    try:
        assert repository.commit(sha) == Commit(sha, "ä" * (LONGEST - 1) + "…")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000, "while it is read, not afterwards"
    finally:
        tracemalloc.stop()


def test_git_that_needs_too_much_memory_is_told(
    repository: BareRepository, commit: MakeCommit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What git has to convert it holds in memory as a whole.
    sha = commit({".gitattributes": "large working-tree-encoding=UTF-16\n", "large": "x" * 60_000_000})
    monkeypatch.setattr(git_module, "memory_limit", lambda _memory: 50_000_000)
    with pytest.raises(TreeTooLarge, match="git needs more than 47 MB of memory for it"):
        repository.check_out(sha, tmp_path / "tree")


def test_a_checkout_ends_when_it_is_cancelled(repository: BareRepository, commit: MakeCommit, tmp_path: Path) -> None:
    stop = Stop()
    stop.set()
    sha = commit({"a": "1"})
    with pytest.raises(CommandStopped):
        repository.check_out(sha, tmp_path / "tree", stop)
    repository.check_out(sha, tmp_path / "tree")
    assert listing(tmp_path / "tree") == {"a": "1"}


def test_references_are_bounded(
    repository: BareRepository, commit: MakeCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = commit({"a": "1"})
    for name in ("main", "one", "two"):
        repository.move_branch(Branch(name), sha)
    assert repository.references() == ["main", "one", "two"]
    monkeypatch.setattr(git_module, "MOST_REFERENCES", 2)
    assert repository.references() == ["main", "one"]


def test_memory_of_git() -> None:
    assert memory_limit(512 * 1024**2) == memory_limit(2 * 1024**3) == 1024**3
    assert memory_limit(3 * 1024**3) == 3 * 512 * 1024**2
    assert memory_limit(64 * 1024**3) == 2 * 1024**3


def test_what_was_pushed_is_built_and_nothing_in_its_place(
    repository: BareRepository, commit: MakeCommit, tmp_path: Path
) -> None:
    """`refs/replace/` can be pushed as any other reference; git shows its object wherever the other one is asked for."""
    shown, hidden = commit({"main.py": "harmless"}, "reviewed"), commit({"main.py": "hostile"}, "hidden")
    git(repository.path, "update-ref", f"refs/replace/{shown}", hidden)
    assert repository.commit(shown).subject == "reviewed"
    assert repository.commit(hidden).subject == "hidden"
    repository.check_out(shown, tmp_path / "tree")
    assert listing(tmp_path / "tree") == {"main.py": "harmless"}
    blob = git(repository.path, "rev-parse", f"{shown}:main.py")
    git(repository.path, "update-ref", f"refs/replace/{blob}", git(repository.path, "rev-parse", f"{hidden}:main.py"))
    repository.check_out(shown, tmp_path / "again")
    assert listing(tmp_path / "again") == {"main.py": "harmless"}
