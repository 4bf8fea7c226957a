"""Hostile commits: trees that git itself would never make, written as raw objects, checked out, planned and deleted by deployhost's own code.

Beside the tree lies what must not change. Whatever is wrong is an AssertionError with the tree.
"""

import hashlib
import os
import random
import stat
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deployhost.build.directory import DirectoryTree, load_templates
from deployhost.build.image import LONGEST_DOCKERFILE, _read
from deployhost.build.planning_process import plan_directory
from deployhost.errors import DeployhostError
from deployhost.model import Branch, Sha
from deployhost.system.git import BareRepository, index_of
from deployhost.system.tree import remove_tree

OUTSIDE = "what nobody may change"
FILE, PROGRAM, LINK, MODULE, TREE = b"100644", b"100755", b"120000", b"160000", b"40000"
MODES = (
    *(FILE, PROGRAM, LINK, MODULE, TREE, b"040000", b"0", b"100666", b"104755", b"106755", b"10644", b"140000", b"177777", b"60660"),
    *(b"7" * 11, b"7" * 40, b"37777777777", b"20000000000100644"),
)  # fmt: skip
# git writes none of these, on most file systems: they are its own, lead elsewhere, or are too long.
REFUSED = (
    *(b".git", b".GIT", b".gIt", b"git~1", b"GIT~1", b".git ", b".git.", b".git\\hooks", b".g\xe2\x80\x8cit", b".git::$INDEX_ALLOCATION"),
    *(b"..", b".", b"", b"/", b"/etc", b"a/b", b"../x", b"..\\x", b"a/../../x", b"x" * 256, b"y" * 4000),
)  # fmt: skip
TAKEN = (
    *(b".gitmodules", b".gitattributes", b".GITMODULES", b".gitignore", b"-rf", b"--help", b"$(touch x)", b"`id`", b"a b", b"a\nb", b"a\tb"),
    *(b"\x1b[2J", b"\xff\xfe", b"\xe2\x80\xaex", b"\xc2\x9b", b"\x01", b"~", b"a", b"A", b"b", b"B", b"\xc3\xa4", b"a\xcc\x88", b"x" * 255),
    *(b"con", b"nul:", b"link", b"storage", b"etc", b"Dockerfile", b"dockerfile", b".dockerignore", b"Dockerfile.dockerignore", b"Procfile"),
    *(b"package.json", b"requirements.txt", b"main.py", b"index.html", b".python-version", b".node-version", b"pyproject.toml", b"manage.py"),
    *(b"HEAD", b"config", b"hooks", b"objects"),
)  # fmt: skip
NAMES = (*REFUSED, *TAKEN)
TARGETS = (
    *(b".", b"..", b"../outside", b"../../outside", b"/etc/passwd", b"/etc/shadow", b"/proc/self/environ", b"/dev/zero", b"/proc/self/root", b"a"),
    *(b"link", b"./link/link/link", b"loop", b"/" * 300 + b"etc", b"../" * 60 + b"etc/passwd", b"\xff", b"x" * 4095, b"x" * 5000, b"", b"a\0b"),
)  # fmt: skip
TEXTS = (
    b"", b"FROM scratch\n", b"FROM /etc/passwd\n", b"[" * 60_000, b"{" * 5000, b'{"scripts": {"start": "node x"}}', b"\xff\xfeF\0R\0", b"\0" * 300,
    b"web: python x\n" * 50, b"flask\n" * 20, b"* filter=lfs diff=lfs\n", b"* working-tree-encoding=UTF-32\n", b"* text eol=crlf ident\n",
    b'[submodule "../../x"]\n path = ../../x\n url = ext::sh -c touch% x\n', b'[submodule "x"]\n path = -x\n url = -u./payload\n',
    b"<!doctype html>", b"from flask import Flask\napp = Flask(__name__)\n", b"[project]\nname = 'x'\n", b"a" * 70_000,
)  # fmt: skip


@dataclass(frozen=True)
class HostileTree:
    """A commit, and what is in it as it was made."""

    sha: Sha
    shape: str
    entries: int


class Forest:
    """Makes hostile commits in a repository, each with a seed's own shapes."""

    def __init__(self, root: Path, seed: int) -> None:
        self._random = random.Random(seed)
        self.repository = BareRepository(root / "repos" / "shop.git")
        self.repository.path.parent.mkdir()
        self.repository.create(Branch("main"), {})
        self.tree = root / "builds" / "shop"
        self._outside = root / "builds" / "outside"
        self._outside.mkdir(parents=True)
        (self._outside / "file").write_text(OUTSIDE)
        self._root = root
        self._made = 0
        self._templates = load_templates()

    def commit(self) -> HostileTree:
        """Return the next one."""
        shape: Callable[[], bytes] = self._random.choice(
            [
                self._mixed,
                self._mixed,
                self._mixed,
                self._deep,
                self._wide,
                self._looped,
                self._twins,
                self._through_a_link,
            ]
        )
        self._made = 0
        tree = shape()
        text = b"tree %s\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n%d\n" % (tree, self._random.random() * 1e9)
        return HostileTree(Sha(self._object(b"commit", text).decode()), shape.__name__.strip("_"), self._made)

    def check(self, commit: HostileTree) -> bool:
        """Check a commit out, plan what it holds, and delete it. Return whether git wrote it. Raises AssertionError."""
        written = False
        with suppress(DeployhostError):
            self.repository.commit(commit.sha)
        with suppress(DeployhostError):
            self.repository.check_out(commit.sha, self.tree)
            written = True
        if self.tree.is_dir():
            self._planned()
        self._nothing_outside(commit)
        remove_tree(self.tree)
        index_of(self.tree).unlink(missing_ok=True)
        assert sorted(one.name for one in self.tree.parent.iterdir()) == ["outside"], commit
        return written

    def _planned(self) -> None:
        tree = DirectoryTree(self.tree)
        for path in tree.paths():
            assert (self.tree / path).resolve().is_relative_to(self.tree.resolve()), path
            assert ".." not in path.split("/"), path
        with suppress(DeployhostError):
            plan_directory(self.tree, "shop", storage=None, variables={}, templates=self._templates)
        for name in ("Dockerfile", "Dockerfile.dockerignore"):
            with suppress(DeployhostError):
                assert len(_read(self.tree, name)) <= LONGEST_DOCKERFILE

    def _nothing_outside(self, commit: HostileTree) -> None:
        assert [one.name for one in self._outside.iterdir()] == ["file"], commit
        assert (self._outside / "file").read_text() == OUTSIDE, commit
        assert sorted(one.name for one in self._root.iterdir()) == ["builds", "repos"], commit
        hooks = self.repository.path / "hooks"
        assert not hooks.exists() or not list(hooks.iterdir()), commit
        if self.tree.is_dir() and not self.tree.is_symlink():
            for one in self.tree.iterdir():
                # git's own file of what is ours would make the tree a repository of the pusher's making.
                assert one.name.lower() not in (".git", "git~1"), commit
                assert not one.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID), commit

    # Shapes

    def _mixed(self) -> bytes:
        names = NAMES if self._random.random() < 0.4 else TAKEN  # git refuses most trees that have one of the others

        def level(depth: int) -> bytes:
            below = [(self._random.choice(names), level(depth - 1))] if depth else []
            return self._tree(
                [
                    *((mode, name, self._content(mode)) for mode, name in self._some(names)),
                    *((TREE, *one) for one in below),
                ]
            )

        return level(self._random.randrange(4))

    def _deep(self) -> bytes:
        name = self._random.choice([b"d", b"a", b"x" * 200, b"..", b"\xff"])
        made = self._tree([(FILE, b"file", self._blob(b"x"))])
        for _ in range(self._random.choice([50, 400, 1300, 2100])):
            made = self._tree([(TREE, name, made)])
        return made

    def _wide(self) -> bytes:
        blob = self._blob(b"x")
        return self._tree([(FILE, b"%06d" % number, blob) for number in range(self._random.choice([500, 3000]))])

    def _looped(self) -> bytes:
        """Links to each other, to themselves, to the directory that holds them; and files that are planned from among them."""
        links = [
            (LINK, name, self._blob(self._random.choice(TARGETS[:14]).replace(b"\0", b""))) for name in NAMES[-18:]
        ]
        below = self._tree(
            [(LINK, b"up", self._blob(b"..")), (LINK, b"self", self._blob(b"self")), (FILE, b"f", self._blob(b"x"))]
        )
        return self._tree([*links, (TREE, b"down", below)])

    def _twins(self) -> bytes:
        """The same name more than once, as file, link, directory and submodule, and names that differ by case alone."""
        inner = self._tree([(FILE, b"file", self._blob(b"changed"))])
        name = self._random.choice([b"outside", b"a", b"link", b"Dockerfile", b".gitmodules"])
        entries = [
            (LINK, name, self._blob(b"../outside")), (TREE, name, inner), (FILE, name, self._blob(b"FROM scratch\n")),
            (MODULE, name, b"0" * 39 + b"1"), (TREE, name.upper(), inner), (LINK, name.upper(), self._blob(b"../outside")),
        ]  # fmt: skip
        self._random.shuffle(entries)
        return self._tree(entries[: self._random.randrange(2, 7)], ordered=False)

    def _through_a_link(self) -> bytes:
        """A link, and files below its name: written through it they would lie where it leads (CVE-2021-21300 and its kind)."""
        blob = self._blob(b"changed")
        name = self._random.choice([b"l", b"L", b"link", b"\xc3\xa4"])
        below = self._tree([(FILE, b"file", blob), (PROGRAM, b"post-checkout", blob)])
        return self._tree(
            [(LINK, name, self._blob(b"../outside")), (TREE, name.swapcase(), below), (FILE, name + b"/file", blob)],
            ordered=False,
        )

    # Objects

    def _some(self, names: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
        for _ in range(self._random.randrange(1, 12)):
            yield self._random.choice(MODES if self._random.random() < 0.4 else MODES[:4]), self._random.choice(names)

    def _content(self, mode: bytes) -> bytes:
        if mode in (MODULE, TREE, b"040000"):
            return self._random.choice([b"0" * 40, b"f" * 40, self._tree([(FILE, b"f", self._blob(b"x"))])])
        return self._blob(self._random.choice(TARGETS if mode == LINK else TEXTS))

    def _tree(self, entries: Iterable[tuple[bytes, bytes, bytes]], *, ordered: bool = True) -> bytes:
        listed = list(entries)
        self._made += len(listed)
        if ordered and self._random.random() < 0.8:  # as git wants them; and each name once
            by_name = {name: (mode, name, sha) for mode, name, sha in listed}
            listed = sorted(by_name.values(), key=lambda one: one[1] + (b"/" if one[0] in (TREE, b"040000") else b""))
        return self._object(
            b"tree", b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(sha.decode())) for mode, name, sha in listed)
        )

    def _blob(self, data: bytes) -> bytes:
        return self._object(b"blob", data)

    def _object(self, kind: bytes, data: bytes) -> bytes:
        """Write a loose object (gitformat-loose(5)) and return its name."""
        whole = b"%s %d\0%s" % (kind, len(data), data)
        name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        path = self.repository.path / "objects" / name[:2] / name[2:]
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(zlib.compress(whole, 1))
        return os.fsencode(name)
