"""Having builds kept within their limits, on directories that look like the kernel's cgroups."""

import time
from pathlib import Path

import pytest

from deployhost.build.docker_cli import Cli
from deployhost.build.limits import BuildLimits
from deployhost.config.server import ServerSettings
from deployhost.errors import InvalidConfig
from deployhost.system.cgroups import Cgroups
from deployhost.system.docker_model import EngineInfo
from tests.fakes.docker import Engine, FakeDocker

GIB = 1024**3
OLD, NEW = Cli(Path("docker"), buildx=False), Cli(Path("docker"), buildx=True)


def unified(root: Path, *names: str) -> Cgroups:
    """Have cgroups of version 2."""
    for name in ("", *names):
        (root / name).mkdir(parents=True, exist_ok=True)
        for file in ("memory.max", "cpu.max", "pids.max", "cgroup.controllers", "cgroup.subtree_control"):
            (root / name / file).write_text("max\n")
        (root / name / "memory.events").write_text("oom_kill 0\n")
    return Cgroups(unified=True, trees={"memory": root, "cpu": root, "pids": root})


def first(root: Path, *names: str) -> Cgroups:
    """Have cgroups of version 1, the root's and these; a new one has files without anything in them, as the kernel makes them."""
    trees = {controller: root / controller for controller in ("cpu", "cpuset", "memory")}
    for tree in trees.values():
        for name in ("", *names):
            (tree / name).mkdir(parents=True, exist_ok=True)
    for name in ("", *names):
        for file, value in (("cpuset.cpus", "0-1"), ("cpuset.mems", "0")):
            (trees["cpuset"] / name / file).write_text(f"{value if name == '' else ''}\n")
    return Cgroups(unified=False, trees=trees)


def engine(version: str, driver: str = "cgroupfs") -> Engine:
    return Engine(info=EngineInfo(version, "/var/lib/docker", driver))


def limits(tmp_path: Path, engine: Engine, groups: Cgroups) -> BuildLimits:
    return BuildLimits(FakeDocker(engine), ServerSettings(tmp_path / "server.yml"), groups, cpus=(0, 1), memory=8 * GIB)


def test_a_new_engine_builds_in_a_cgroup_of_ours(tmp_path: Path) -> None:
    groups, said = unified(tmp_path, "deployhost-builds"), list[str]()
    with limits(tmp_path, engine("28.1.0", "systemd"), groups).applied(NEW, said.append) as limited:
        assert limited.argv == ("--cgroup-parent=deployhost-builds",)
        assert (tmp_path / "deployhost-builds/memory.max").read_text() == str(4 * GIB)
        assert (tmp_path / "deployhost-builds/cpu.max").read_text() == "100000 100000"
        assert not limited.ran_out_of_memory()
        (tmp_path / "deployhost-builds/memory.events").write_text("oom_kill 1\n")
        assert limited.ran_out_of_memory()
    assert said == []


def test_an_old_engine_on_systemd_gets_its_limits_as_each_step_appears(tmp_path: Path) -> None:
    mine = "system.slice/system.slice:docker:mine"
    groups, said = unified(tmp_path, "system.slice/system.slice:docker:foreign"), list[str]()
    with limits(tmp_path, engine("20.10.24", "systemd"), groups).applied(OLD, said.append) as limited:
        assert limited.argv == ()
        unified(tmp_path, mine)
        until = time.monotonic() + 5
        while (tmp_path / mine / "memory.max").read_text() != str(4 * GIB) and time.monotonic() < until:
            time.sleep(0.01)
        assert (tmp_path / mine / "memory.max").read_text() == str(4 * GIB)
        (tmp_path / mine / "memory.events").write_text("oom_kill 2\n")
        while not limited.ran_out_of_memory() and time.monotonic() < until:
            time.sleep(0.01)
        assert limited.ran_out_of_memory()
    foreign = tmp_path / "system.slice/system.slice:docker:foreign"
    assert (foreign / "memory.max").read_text() == "max\n", "somebody else's build had begun before"
    assert said == []


def test_a_cgroup_that_can_not_be_written_is_told_and_the_build_goes_on(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("no directory")
    said: list[str] = []
    groups = Cgroups(unified=False, trees={"memory": tmp_path})
    with limits(tmp_path, engine("20.10.24"), groups).applied(OLD, said.append) as limited:
        assert not limited.ran_out_of_memory()
    assert len(said) == 1
    assert said[0].startswith("warning: this build is not limited: ")


def test_what_server_yml_says_counts_from_the_next_build_on(tmp_path: Path) -> None:
    groups = unified(tmp_path, "deployhost-builds")
    asked = engine("28.1.0")
    made = limits(tmp_path, asked, groups)
    with made.applied(NEW, print) as limited:
        assert limited.timeout == 1800
    (tmp_path / "server.yml").write_text("build_memory: 1g\nbuild_timeout: 50000\n")
    with made.applied(NEW, print) as limited:
        assert (tmp_path / "deployhost-builds/memory.max").read_text() == str(GIB)
        assert limited.timed_out(("last",)).details == ("last",)
        hint = f"sed -i 's/^build_timeout:.*/build_timeout: 86400/' {tmp_path}/server.yml"
        assert limited.timed_out(()).hint == hint, "no more than the setting takes"
    (tmp_path / "server.yml").write_text("build_memory: all\n")
    with pytest.raises(InvalidConfig), made.applied(NEW, print):
        pass
    assert asked.infos == 1, "each build would wait for it"


def test_builds_keep_to_cpus_of_their_own(tmp_path: Path) -> None:
    groups = first(tmp_path, "docker", "docker/buildkit", "deployhost-builds")
    with limits(tmp_path, engine("20.10.24"), groups).applied(OLD, print):
        pass
    assert (tmp_path / "cpuset/docker/cpuset.cpus").read_text() == "0-1\n", "apps may use them all"
    assert (tmp_path / "cpuset/docker/cpuset.mems").read_text() == "0\n"
    assert (tmp_path / "cpuset/docker/buildkit/cpuset.cpus").read_text() == "1"
    assert (tmp_path / "cpuset/docker/buildkit/cpuset.mems").read_text() == "0\n"


def test_a_kernel_that_refuses_the_cpus_has_the_other_limits(tmp_path: Path) -> None:
    groups, said = unified(tmp_path, "deployhost-builds"), list[str]()
    (tmp_path / "deployhost-builds/cpuset.cpus").mkdir()
    groups.trees["cpuset"] = tmp_path
    with limits(tmp_path, engine("28.1.0"), groups).applied(NEW, said.append):
        assert (tmp_path / "deployhost-builds/cpu.max").read_text() == "100000 100000"
    assert said == []


def test_a_build_that_lasts_waits_no_longer_for_everything_else(tmp_path: Path) -> None:
    groups = unified(tmp_path, "deployhost-builds")
    idle = tmp_path / "deployhost-builds/cpu.idle"
    idle.write_text("0\n")
    server = ServerSettings(tmp_path / "server.yml")
    made = BuildLimits(FakeDocker(engine("28.1.0")), server, groups, cpus=(0, 1), memory=8 * GIB, patience=0.05)
    with made.applied(NEW, print):
        assert idle.read_text() == "1"
        until = time.monotonic() + 5
        while idle.read_text() != "0" and time.monotonic() < until:
            time.sleep(0.01)
        assert idle.read_text() == "0"
    patient = limits(tmp_path, engine("28.1.0"), groups)
    with patient.applied(NEW, print):
        assert idle.read_text() == "1", "each build begins patiently"
    time.sleep(0.1)
    assert idle.read_text() == "1"


def test_processes_of_an_old_engines_builds_leave_the_apps_group_for_cpu_time(tmp_path: Path) -> None:
    trees = {"cpu": tmp_path / "cpu", "memory": tmp_path / "memory"}
    for tree in trees.values():
        (tree / "docker/buildkit/step").mkdir(parents=True)
        (tree / "docker/buildkit/step/cgroup.procs").write_text("11\n22\n")
        (tree / "deployhost-builds").mkdir()
        (tree / "deployhost-builds/cgroup.procs").write_text("")
    with limits(tmp_path, engine("20.10.24"), Cgroups(unified=False, trees=trees)).applied(OLD, print):
        until = time.monotonic() + 5
        while not (tmp_path / "cpu/deployhost-builds/cgroup.procs").read_text() and time.monotonic() < until:
            time.sleep(0.01)
    assert (tmp_path / "cpu/deployhost-builds/cgroup.procs").read_text() == "22", (
        "one at a time, as the kernel takes them"
    )
    assert (tmp_path / "memory/deployhost-builds/cgroup.procs").read_text() == "", (
        "its memory stays where it is limited"
    )
