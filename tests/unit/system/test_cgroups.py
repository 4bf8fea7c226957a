"""cgroups, on directories that look like the kernel's."""

import os
from pathlib import Path

import pytest

from deployhost.errors import FileProblem
from deployhost.system import cgroups
from deployhost.system.cgroups import Cgroups

FIRST = """\
tmpfs /sys/fs/cgroup tmpfs ro 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
"""


def mounts(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mounts"
    path.write_text(text)
    return path


def test_where_they_are(tmp_path: Path) -> None:
    first = cgroups.find(mounts=mounts(tmp_path, FIRST))
    assert not first.unified
    assert first.trees == {"cpu": Path("/sys/fs/cgroup/cpu,cpuacct"), "memory": Path("/sys/fs/cgroup/memory")}
    second = cgroups.find(mounts=mounts(tmp_path, "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"))
    assert second.unified
    assert set(second.trees.values()) == {Path("/sys/fs/cgroup")}
    assert cgroups.find(mounts=tmp_path / "missing") == Cgroups(unified=False)


def test_version_1_has_a_directory_per_controller(tmp_path: Path) -> None:
    trees = {"cpu": tmp_path / "cpu", "memory": tmp_path / "memory"}
    for tree in trees.values():
        tree.mkdir()
    found = Cgroups(unified=False, trees=trees)
    assert found.ensure("docker/buildkit") == frozenset()
    (tmp_path / "memory/docker/buildkit/memory.limit_in_bytes").write_text("1\n")
    assert found.ensure("docker/buildkit") == {"memory.limit_in_bytes"}
    assert found.group("pids", "docker") is None
    found.write("docker/buildkit", [("memory", "memory.limit_in_bytes", "2"), ("pids", "pids.max", "3")])
    assert (tmp_path / "memory/docker/buildkit/memory.limit_in_bytes").read_text() == "2"


def test_version_2_passes_controllers_on(tmp_path: Path) -> None:
    for folder in ("", "a", "a/b"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "cgroup.controllers").write_text("cpu memory misc\n")
        (tmp_path / folder / "cgroup.subtree_control").write_text("cpu\n")
    found = Cgroups(unified=True, trees={"cpu": tmp_path, "memory": tmp_path})
    assert "cgroup.controllers" in found.ensure("a/b")
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"
    assert (tmp_path / "a/cgroup.subtree_control").read_text() == "+memory"
    assert (tmp_path / "a/b/cgroup.subtree_control").read_text() == "cpu\n", "it has processes, not cgroups"
    assert list(found.named("a/b*")) == ["a/b"]
    assert list(found.named("c*")) == []
    assert found.files("gone") == frozenset()


def test_what_stands_there_already_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "g").mkdir()
    (tmp_path / "g/pids.max").write_text("10\n")
    before = (tmp_path / "g/pids.max").stat().st_mtime_ns
    Cgroups(unified=True, trees={"pids": tmp_path}).write("g", [("pids", "pids.max", "10")])
    assert (tmp_path / "g/pids.max").stat().st_mtime_ns == before


def test_what_can_not_be_written_is_a_file_problem(tmp_path: Path) -> None:
    groups = Cgroups(unified=True, trees={"pids": tmp_path})
    with pytest.raises(FileProblem):
        groups.write("gone", [("pids", "pids.max", "10")])
    (tmp_path / "file").write_text("")
    with pytest.raises(FileProblem):
        groups.ensure("file/below")


def test_a_limit_that_depends_on_another_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses a limit of memory above that of memory and swap, and one below it the other way."""
    (tmp_path / "g").mkdir()
    for name in ("limit", "memsw"):
        (tmp_path / "g" / name).write_text("5")
    write = Path.write_text

    def refuse(path: Path, text: str, encoding: str | None = None) -> int:
        if path.name == "limit" and int(text) > int((tmp_path / "g/memsw").read_text()):
            raise OSError(22, "Invalid argument")
        return write(path, text, encoding=encoding)

    monkeypatch.setattr(Path, "write_text", refuse)
    groups = Cgroups(unified=False, trees={"memory": tmp_path})
    groups.write("g", [("memory", "limit", "9"), ("memory", "memsw", "9")])
    assert (tmp_path / "g/limit").read_text() == "9"


def test_a_kill_is_seen_by_version_2s_counter(tmp_path: Path) -> None:
    (tmp_path / "g").mkdir()
    events = tmp_path / "g/memory.events"
    events.write_text("low 0\noom 4\noom_kill 3\n")
    with Cgroups(unified=True, trees={"memory": tmp_path}).watched("g") as memory:
        assert not memory.happened()
        events.write_text("low 0\noom 5\noom_kill 4\n")
        assert memory.happened()
        assert memory.happened()
    assert cgroups.kills(tmp_path / "g") == 4
    assert cgroups.kills(tmp_path / "gone") == 0


def test_a_kill_is_seen_by_version_1s_notification(tmp_path: Path) -> None:
    (tmp_path / "g").mkdir()
    (tmp_path / "g/memory.oom_control").write_text("oom_kill_disable 0\n")
    with Cgroups(unified=False, trees={"memory": tmp_path}).watched("g") as memory:
        event, control = (int(word) for word in (tmp_path / "g/cgroup.event_control").read_text().split())
        assert control > 2
        assert not memory.happened()
        os.eventfd_write(event, 1)
        assert memory.happened()
        assert memory.happened(), "asked twice, it has still happened"


def test_where_there_is_nothing_to_watch_nothing_happens(tmp_path: Path) -> None:
    for groups in (
        Cgroups(unified=False),
        Cgroups(unified=False, trees={"memory": tmp_path}),
        Cgroups(unified=True, trees={"memory": tmp_path}),
    ):
        with groups.watched("gone") as memory:
            assert not memory.happened()
