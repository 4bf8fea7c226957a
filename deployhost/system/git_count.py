"""How much a commit's tree is once it is written to a disk, counted from git's list of it before that happens. Pure.

A tree names others by their hashes, and the same one as often as it likes: six objects make 100,000 files, nine make a billion. So
neither the size of a push nor that of a repository says how much a checkout writes.
"""

import hashlib

from deployhost.errors import TreeTooLarge
from deployhost.sizes import readable_size

# 100,000 files of 1 GB in all, which no two have in common, are listed in half a second and are no reason to refuse anything. Linux has
# 85,000 files and Chromium 450,000.
MOST_ENTRIES = 500_000
MOST_BYTES = 8 * 1024**3
# What is made of few objects is not bounded by what somebody had to push. Vendored copies share some, a few times each.
FREE_ENTRIES, FREE_BYTES = 50_000, 1024**3
SHARED = 20  # times that each object may be there on average, beyond what is free
DEEPEST = 2000  # directories within each other: git itself stops at 2048 by default from 2.43 on (core.maxTreeDepth)
LONGEST_PATH = 3500  # bytes: PATH_MAX less where builds lie
LONGEST_ENTRY = 64 * 1024  # bytes that git writes of one
_KNOWN_BITS = (
    24  # of a hash: what tells objects apart, in 2 MB whatever their number; of 500,000 it takes 3 % for others
)


class TreeCount:
    """Counts the entries of `git ls-tree -r -t -l -z`, as they come; `name` is what the commit is called in errors."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rest = b""
        self._known = bytearray(1 << (_KNOWN_BITS - 3))
        self.entries = self.bytes = 0
        self.objects = self.object_bytes = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Return what only the same entries have: the same paths, modes and objects, in git's order."""
        return self._hash.hexdigest()

    def take(self, chunk: bytes) -> None:
        """Count a piece of git's output. Raises TreeTooLarge as soon as it is certain."""
        self._hash.update(chunk)
        *whole, self._rest = (self._rest + chunk).split(b"\0")
        for entry in whole:
            self._count(entry)
        if len(self._rest) > LONGEST_ENTRY:
            raise self._refused("a path is too long")
        self._judge()

    def _count(self, entry: bytes) -> None:
        # "<mode> <type> <hash> <size, right aligned>\t<path>" (git-ls-tree(1), "OUTPUT FORMAT"); trees and submodules have "-".
        said, _, path = entry.partition(b"\t")
        if len(path) > LONGEST_PATH:
            raise self._refused("a path is too long")
        if path.count(b"/") > DEEPEST:
            raise self._refused(f"a file of it lies more than {DEEPEST:,} directories deep")
        _, _, sha, size = said.split(maxsplit=3)
        length = int(size) if size.isdigit() else 0
        self.entries += 1
        self.bytes += length
        number = int(sha[: _KNOWN_BITS // 4], 16)
        if not self._known[number >> 3] & (1 << (number & 7)):
            self._known[number >> 3] |= 1 << (number & 7)
            self.objects += 1
            self.object_bytes += length

    def _judge(self) -> None:
        if self.entries > MOST_ENTRIES:
            raise self._refused(f"it has more than {MOST_ENTRIES:,} files and directories")
        if self.bytes > MOST_BYTES:
            raise self._refused(f"its files are larger than {readable_size(MOST_BYTES)}")
        if self.entries > FREE_ENTRIES + SHARED * self.objects:
            raise self._refused(
                f"more than {self.entries:,} files and directories of it are made of {self.objects:,} objects"
            )
        if self.bytes > FREE_BYTES + SHARED * self.object_bytes:
            raise self._refused(
                f"more than {readable_size(self.bytes)} of files are made of {readable_size(self.object_bytes)}"
            )

    def _refused(self, why: str) -> TreeTooLarge:
        return TreeTooLarge(f"commit {self._name} can't be checked out: {why}")
