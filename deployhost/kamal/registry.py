"""The registry on loopback through which Kamal's CLI hands images over: nothing else ever deletes from it, so this does.

Its storage is a tree of files (distribution's filesystem driver). Kept is what a kept version's tag leads to; the rest of an
app's manifests is unlinked, and the registry's own collector then deletes the blobs that nothing leads to. Each removal
leaves a tree that the registry can serve, so being killed half way costs nothing but the space until the next time. The
registry keeps no cache of its blobs (server/facts_kamal.py), so it need not be restarted. Pushes of ours exclude this by a lock;
a push of somebody else that began within the hour is waited for.
"""

import contextlib
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployhost.errors import Conflict
from deployhost.model import AppName, Version
from deployhost.paths import Paths
from deployhost.system import files, process
from deployhost.system.tree import discard_tree, remove_tree

LOCK = "registry.lock"
YOUNG = 3600.0  # seconds: a tag that nobody has noted yet may belong to a deploy under way, an upload to a push
PUSH_WAITS = 600.0  # seconds for a collection to end
COLLECT_TIMEOUT = 1800.0
LATEST = "latest"


@dataclass(frozen=True)
class Collected:
    """What a collection did: how many tags it removed, and the bytes of storage before and after."""

    tags: int = 0
    before: int = 0
    after: int = 0

    @property
    def freed(self) -> int:
        """Return the bytes that are free now."""
        return max(0, self.before - self.after)


@contextlib.contextmanager
def pushing(paths: Paths) -> Iterator[None]:
    """Hold off collections while something is pushed; pushes do not exclude each other. Raises Conflict."""
    paths.state.mkdir(parents=True, exist_ok=True)
    with files.lock(paths.state / LOCK, timeout=PUSH_WAITS, shared=True):
        yield


def forget(paths: Paths, app: AppName) -> None:
    """Unlink all that was pushed for an app that is removed; the next collection frees the space."""
    discard_tree(paths.registry / "docker/registry/v2/repositories" / app)


class KamalRegistry:
    """The registry's storage, freed of what nobody needs by the registry's own program."""

    def __init__(self, paths: Paths, program: Path = Path("/usr/bin/docker-registry")) -> None:
        self._lock, self._config, self._program = paths.state / LOCK, paths.state / "registry.yml", program
        self._root = paths.registry / "docker/registry/v2"

    def size(self) -> int:
        """Return the bytes that its storage takes, 0 where there is none."""
        return sum(_blocks(Path(folder) / name) for folder, _, names in os.walk(self._root) for name in names)

    def collect(self, keep: Mapping[AppName, Collection[Version]]) -> Collected | None:
        """Delete an app's versions that are not in `keep`, for each app there; repositories of other names stay whole.

        Return what that did, or None if something is being pushed. Raises CommandFailed, CommandTimedOut, FileProblem.
        """
        if not self._root.is_dir():
            return Collected()
        try:
            with files.lock(self._lock, timeout=0.0):
                pushed = (self._root / "repositories").glob("*/_uploads/*")
                return None if any(_age(upload) < YOUNG for upload in pushed) else self._collect(keep)
        except Conflict:
            return None

    def _collect(self, keep: Mapping[AppName, Collection[Version]]) -> Collected:
        before, tags = self.size(), 0
        for app, versions in keep.items():
            tags += self._forget(self._root / "repositories" / app, frozenset(versions))
        process.run([str(self._program), "garbage-collect", str(self._config)], timeout=COLLECT_TIMEOUT)
        return Collected(tags, before, self.size())

    def _forget(self, repository: Path, versions: frozenset[Version]) -> int:
        """Unlink the tags of a repository but those of `versions`, and every manifest that no tag leads to."""
        manifests = repository / "_manifests"
        tags = sorted(manifests.glob("tags/*"))
        going = [tag for tag in tags if not self._stays(tag, versions)]
        for tag in going:
            remove_tree(tag)
        kept = {digest for tag in tags if tag not in going for digest in self._reached(_linked(tag / "current"))}
        for revision in manifests.glob("revisions/sha256/*"):
            if f"sha256:{revision.name}" not in kept and _age(revision / "link") >= YOUNG:
                remove_tree(revision)
        if not versions and not any(manifests.glob("tags/*")) and not any(manifests.glob("revisions/sha256/*")):
            discard_tree(repository)
        return len(going)

    def _stays(self, tag: Path, versions: frozenset[Version]) -> bool:
        if tag.name in versions or (tag.name == LATEST and versions):
            return True
        return _age(tag / "current" / "link") < YOUNG

    def _reached(self, digest: str) -> Iterator[str]:
        """Yield a manifest's digest and those that it names in turn: an index lists one for each kind of machine."""
        yield digest
        for manifest in self._manifest(digest).get("manifests", ()):
            yield str(manifest.get("digest", ""))

    def _manifest(self, digest: str) -> dict[str, Any]:
        algorithm, _, name = digest.partition(":")
        raw = files.read(self._root / "blobs" / algorithm / name[:2] / name / "data")
        try:
            found = json.loads(raw or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def _linked(directory: Path) -> str:
    return (files.read(directory / "link") or b"").decode("ascii", "replace").strip()


def _age(path: Path) -> float:
    """Return the seconds since the file was written; one that is gone is as old as can be."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0
