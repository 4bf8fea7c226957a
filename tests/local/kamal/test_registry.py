"""Collecting the registry, on a storage tree as the registry writes it and a collector that deletes what nothing leads to."""

import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from deployhost.errors import CommandFailed
from deployhost.kamal import registry
from deployhost.kamal.registry import Collected, KamalRegistry
from deployhost.model import AppName, Version
from deployhost.paths import Paths

APP = AppName("blog")
ONE, TWO, THREE = (Version(digit * 40) for digit in "123")

# What `docker-registry garbage-collect` does: from each repository's revisions on, what nothing leads to is deleted.
COLLECTOR = """#!{python}
import json, pathlib, shutil, sys
assert sys.argv[1] == "garbage-collect" and pathlib.Path(sys.argv[2]).name == "registry.yml", sys.argv
root = pathlib.Path("{root}")
reached = set()
for revision in root.glob("repositories/*/_manifests/revisions/sha256/*"):
    reached.add(revision.name)
    data = root / "blobs/sha256" / revision.name[:2] / revision.name / "data"
    reached.update(layer["digest"][7:] for layer in json.loads(data.read_text()).get("layers", ()))
for blob in list(root.glob("blobs/sha256/*/*")):
    if blob.name not in reached:
        shutil.rmtree(blob)
"""


class Storage:
    """The registry's storage, and what collects it."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        self.root = self.paths.registry / "docker/registry/v2"
        program = root / "docker-registry"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(COLLECTOR.format(python=sys.executable, root=self.root))
        program.chmod(0o755)
        self.registry = KamalRegistry(self.paths, program)

    def blob(self, content: str) -> str:
        digest = hashlib.sha256(content.encode()).hexdigest()
        self.write(self.root / "blobs/sha256" / digest[:2] / digest / "data", content)
        return f"sha256:{digest}"

    def push(self, app: str, tag: str, *layers: str, index: bool = False) -> None:
        """Given an app, a tag and layers, store an image; with `index`, one that an index lists."""
        manifest = self.blob(json.dumps({"layers": [{"digest": self.blob(layer)} for layer in layers]}))
        listed = [manifest]
        if index:
            listed.append(self.blob(json.dumps({"manifests": [{"digest": manifest}]})))
        for digest in listed:
            self.write(self.manifests(app) / "revisions/sha256" / digest[7:] / "link", digest)
        self.write(self.manifests(app) / "tags" / tag / "current/link", listed[-1])

    def pulls(self, app: str, tag: str) -> bool:
        """Return whether the tag leads to a manifest, and that to layers, all of which are there."""
        link = self.manifests(app) / "tags" / tag / "current/link"
        return link.exists() and self._whole(app, link.read_text())

    def _whole(self, app: str, digest: str) -> bool:
        manifest = self._data(digest)
        if manifest is None or not (self.manifests(app) / "revisions/sha256" / digest[7:] / "link").exists():
            return False
        found = json.loads(manifest)
        layers = all(self._data(layer["digest"]) is not None for layer in found.get("layers", ()))
        return layers and all(self._whole(app, listed["digest"]) for listed in found.get("manifests", ()))

    def _data(self, digest: str) -> str | None:
        data = self.root / "blobs/sha256" / digest[7:9] / digest[7:] / "data"
        return data.read_text() if data.exists() else None

    def manifests(self, app: str) -> Path:
        return self.root / "repositories" / app / "_manifests"

    def write(self, path: Path, content: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        self.grow_old(path)

    def grow_old(self, path: Path, seconds: float = 2 * registry.YOUNG) -> None:
        os.utime(path, (time.time() - seconds,) * 2)

    def collect(self, *versions: Version) -> Collected | None:
        return self.registry.collect({APP: frozenset(versions)})


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path)


def test_where_nothing_was_pushed_nothing_is_done(storage: Storage) -> None:
    assert storage.collect(ONE) == Collected()


def test_kept_versions_stay_whole_and_the_rest_goes(storage: Storage) -> None:
    storage.push(APP, ONE, "base", "one" * 4096)
    storage.push(APP, TWO, "base", "two")
    storage.push(APP, "latest", "base", "two")
    collected = storage.collect(TWO)
    assert collected is not None
    assert (collected.tags, collected.freed >= 3 * 4096) == (1, True)
    assert [storage.pulls(APP, tag) for tag in (ONE, TWO, "latest")] == [False, True, True]
    assert storage.collect(TWO) == Collected(0, collected.after, collected.after)


def test_what_an_index_lists_stays_with_it_and_goes_with_it(storage: Storage) -> None:
    storage.push(APP, ONE, "one", index=True)
    storage.push(APP, TWO, "two", index=True)
    storage.collect(TWO)
    assert [storage.pulls(APP, tag) for tag in (ONE, TWO)] == [False, True]
    assert len(list(storage.manifests(APP).glob("revisions/sha256/*"))) == 2


def test_repositories_of_others_stay(storage: Storage) -> None:
    storage.push("foreign", "v1", "foreign")
    storage.push(APP, ONE, "one")
    storage.collect()
    assert storage.pulls("foreign", "v1")
    assert not storage.manifests(APP).exists(), "and of an app without any version nothing is left"


def test_a_tag_that_nobody_has_noted_yet_stays(storage: Storage) -> None:
    storage.push(APP, ONE, "one")
    storage.grow_old(storage.manifests(APP) / "tags" / ONE / "current/link", 1)
    storage.collect()
    assert storage.pulls(APP, ONE)


def test_a_push_under_way_is_waited_for(storage: Storage) -> None:
    storage.push(APP, ONE, "one")
    with registry.pushing(storage.paths):
        assert storage.collect() is None
    upload = storage.root / "repositories/foreign/_uploads/1"
    upload.mkdir(parents=True)
    assert storage.collect() is None
    storage.grow_old(upload)
    assert storage.collect() is not None


def test_a_collector_that_fails_says_so_and_loses_nothing(storage: Storage) -> None:
    storage.push(APP, ONE, "one")
    (storage.paths.root / "docker-registry").write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    with pytest.raises(CommandFailed) as caught:
        storage.collect(ONE)
    assert caught.value.details == ("no",)
    assert storage.pulls(APP, ONE)


def test_a_removed_apps_images_are_unlinked(storage: Storage) -> None:
    storage.push(APP, ONE, "one")
    storage.push("foreign", "v1", "foreign")
    registry.forget(storage.paths, APP)
    registry.forget(storage.paths, APP)
    storage.registry.collect({})
    assert (storage.pulls(APP, ONE), storage.pulls("foreign", "v1")) == (False, True)


class Killed(BaseException):
    """The process is gone at this very effect."""


@pytest.mark.parametrize("effect", range(6))
def test_killed_at_any_removal_what_is_kept_is_whole_and_the_next_run_ends_it(tmp_path: Path, effect: int) -> None:
    storage = Storage(tmp_path)
    storage.push(APP, ONE, "base", "one")
    storage.push(APP, TWO, "base", "two", index=True)
    storage.push(APP, THREE, "three")
    left = [effect]

    def rmtree(path: Path, *, ignore_errors: bool = False) -> None:
        del ignore_errors
        if not left[0]:
            raise Killed
        left[0] -= 1
        real(path)

    with pytest.MonkeyPatch.context() as patched:
        real = shutil.rmtree
        patched.setattr(shutil, "rmtree", rmtree)
        try:
            storage.collect(TWO)
        except Killed:
            assert storage.pulls(APP, TWO)
    storage.collect(TWO)
    assert [storage.pulls(APP, tag) for tag in (ONE, TWO, THREE)] == [False, True, False]
    assert len(list(storage.manifests(APP).glob("revisions/sha256/*"))) == 2
