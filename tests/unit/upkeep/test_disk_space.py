"""The disks that deploys need: one of them where Docker's data and ours share it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.upkeep import disk_space
from deployhost.upkeep.disk_plan import Space
from deployhost.upkeep.disk_space import Disks, space
from tests.fakes.docker import OF_DEBIAN_12, Engine, FakeDocker


def test_one_disk(tmp_path: Path) -> None:
    engine = Engine(info=replace(OF_DEBIAN_12, root=str(tmp_path)))
    disks = Disks(docker=FakeDocker(engine), state=tmp_path, measure=space)
    assert [one.path for one in disks.all()] == [str(tmp_path)]
    assert disks.engine().path == str(tmp_path)
    assert engine.infos == 1, "where Docker keeps its data is asked once"


@pytest.mark.skipif(Path("/proc").stat().st_dev == Path("/tmp").stat().st_dev, reason="there is no other file system")
def test_two_disks(tmp_path: Path) -> None:
    disks = Disks(docker=FakeDocker(Engine(info=replace(OF_DEBIAN_12, root="/proc"))), state=tmp_path, measure=space)
    assert [one.path for one in disks.all()] == ["/proc", str(tmp_path)]


def test_what_is_measured(tmp_path: Path) -> None:
    found, seen = space(tmp_path), os.statvfs(tmp_path)
    assert found.total == seen.f_blocks * seen.f_frsize
    with pytest.raises(FileProblem, match="none"):
        space(tmp_path / "none")


def test_what_a_container_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine refuses a limit that its storage driver does not know: only where it does, there is one."""
    asked: list[Path] = []

    def options(path: Path) -> frozenset[str]:
        asked.append(path)
        return frozenset({"rw", "prjquota"})

    monkeypatch.setattr(disk_space, "mount_options", options)
    info = replace(OF_DEBIAN_12, root=str(tmp_path), storage_driver="overlay2", backing="xfs")
    engine = Engine(info=info)
    disks = Disks(docker=FakeDocker(engine), state=tmp_path, measure=lambda path: Space(str(path), 80, 40))
    assert disks.container_limit() == 20
    assert asked == [tmp_path.resolve()]
    assert engine.infos == 1
    engine.info = replace(info, backing="extfs")
    assert Disks(docker=FakeDocker(engine), state=tmp_path, measure=space).container_limit() is None
