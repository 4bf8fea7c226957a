"""Limits of builds on the real engine: read from inside a RUN, and felt by builds that want too much.

Run explicitly: `pytest tests/contract`. It needs Docker, root, and the base image python:3.13-slim.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployhost.build.bases import Bases
from deployhost.build.cache_key import cache_key
from deployhost.build.directory import DirectoryTree, load_templates
from deployhost.build.docker_cli import DockerCli
from deployhost.build.image import ImageBuilder
from deployhost.build.limits import BuildLimits
from deployhost.build.plan import plan_build
from deployhost.build.sources.prepare import BuildSources
from deployhost.config.server import ServerConfig, ServerSettings
from deployhost.errors import BuildFailed
from deployhost.journal.builds import Builds
from deployhost.journal.database import Database
from deployhost.model import AppName
from deployhost.system import cgroups
from deployhost.system.docker import Docker
from deployhost.system.docker_engine import SOCKET
from deployhost.system.guarded_download import GuardedDownload
from deployhost.system.machine import cpus

NAME = "xsurvive"
LIMITED = {
    False: [
        ("memory", "memory.limit_in_bytes"),
        ("cpu", "cpu.cfs_quota_us"),
        ("pids", "pids.max"),
        ("cpu", "cpu.idle"),
    ],
    True: [("memory", "memory.max"), ("cpu", "cpu.max"), ("pids", "pids.max"), ("cpu", "cpu.idle")],
}
DEFAULTS = ("max", "max 100000", "-1", "0", "9223372036854771712")
MIB = 1024**2
LIMIT = 256 * MIB
EAT = "held = []\nwhile True: held.append(bytearray(8_000_000))\n"
PARENT = "import subprocess, sys\nif subprocess.run([sys.executable, '/eat.py']).returncode: sys.exit(3)\n"


class Wanted(ServerSettings):
    """What the test wants in server.yml."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.config = ServerConfig(build_memory=LIMIT, build_cpus=0.75, build_timeout=600)

    def current(self) -> ServerConfig:
        return self.config


class World:
    """A builder that limits its builds, in a directory of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.docker = Docker(os.environ.get("DOCKER_HOST") or SOCKET)
        self.docker.ping()
        self.server = Wanted(root / "server.yml")
        self.groups = cgroups.find()
        self.lines: list[str] = []
        self.said: list[str] = []
        self.builds = Builds(Database(root / "journal.db"), time.time)
        for name in ("context", "work", "run"):
            (root / name).mkdir()
        self.limits = BuildLimits(self.docker, self.server, self.groups)
        bases = Bases(self.docker, root / "state")
        self._builder = ImageBuilder(
            self.docker,
            bases,
            DockerCli(os.environ),
            root / "run",
            limits=self.limits,
            builds=self.builds,
            sources=BuildSources(
                docker=self.docker,
                bases=bases,
                server=self.server,
                engine=self.limits.engine,
                download=GuardedDownload(os.environ),
            ),
        )

    def build(self, *run: str, said: Callable[[str], None] | None = None) -> None:
        """Build a Dockerfile with these RUNs, each made unlike any that was built before."""
        steps = "".join(f"RUN : {time.time_ns()}; {line}\n" for line in run)
        (self.root / "context/Dockerfile").write_text(f"FROM python:3.13-slim\nCOPY *.py /\n{steps}")
        (self.root / "context/parent.py").write_text(PARENT)
        (self.root / "context/eat.py").write_text(EAT)
        context = self.root / "context"
        plan = plan_build(DirectoryTree(context), templates=load_templates(), app=NAME)
        self._builder.build(
            plan,
            ready=self._builder.prepare(
                plan, app=AppName(NAME), context=context, work=self.root / "work", stand_in=True, say=self.said.append
            ),
            key=cache_key(self.root / "work"),
            app=AppName(NAME),
            context=context,
            reference=f"{NAME}:test",
            source=str(time.time_ns()),
            fresh=False,
            on_line=self._hear if said is None else said,
            say=self.said.append,
        )

    def _hear(self, line: str) -> None:
        self.lines.append(line)

    def limit(self, controller: str, file: str, group: Path) -> str:
        """Given a file and a build step's cgroup, return what the nearest of those above it says that is no default."""
        for above in group.parents:
            directory = self.groups.group(controller, str(above))
            if directory is not None and (directory / file).exists():
                value = (directory / file).read_text().strip()
                if value not in DEFAULTS:
                    return value
        return ""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.docker.remove_image(f"{NAME}:test")
    # The limits stay with the engine's own cgroup: what others build is to have this machine's usual ones.
    made.server.config = ServerConfig()
    with made.limits.applied(DockerCli(os.environ).find(), made.said.append):
        pass


def test_the_limits_as_a_run_sees_them(world: World) -> None:
    """Version 1 shows the tightest limit from there upwards; version 2 has none in the container's own, so its cgroup is told."""
    seen: dict[str, str] = {}

    def hear(line: str) -> None:
        match = re.search(r"^ *(?:\d+:memory|0:):(/\S+)$", line)
        if match and "group" not in seen:
            seen["group"] = match[1].lstrip("/")
            for controller, file in LIMITED[world.groups.unified]:
                seen[file] = world.limit(controller, file, Path(seen["group"]))
        if "Cpus_allowed_list" in line:
            seen["cpus"] = line.rpartition("\t")[2]
        if "hierarchical_memory_limit" in line:
            seen["inside"] = line.rpartition(" ")[2]

    world.build(
        "cat /proc/self/cgroup; grep Cpus_allowed_list /proc/self/status; "
        "grep hierarchical_memory_limit /sys/fs/cgroup/memory/memory.stat; sleep 1",
        said=hear,
    )
    assert seen["group"].rpartition("/")[0] in ("docker/buildkit", "deployhost-builds/buildkit")
    if world.groups.unified:
        assert seen["memory.max"] == str(LIMIT)
        assert seen["cpu.max"] == "75000 100000"
    else:
        assert seen["inside"] == str(LIMIT), "read from inside the RUN"
        assert seen["memory.limit_in_bytes"] == str(LIMIT)
        assert seen["cpu.cfs_quota_us"] == "75000"
    assert seen["pids.max"] == "4096"
    assert seen["cpus"] == str(cpus()[-1]), "three quarters of one"
    assert seen["cpu.idle"] == "1", "it runs when nothing else wants to"
    assert world.said == []


def test_a_build_that_eats_all_memory_is_killed_alone_and_says_so(world: World) -> None:
    with pytest.raises(BuildFailed) as caught:
        world.build("python /eat.py")
    assert caught.value.message == "the build was killed: it used more than its 256 MB of memory"
    assert "build_memory: 512m" in caught.value.hint
    assert any("137" in line for line in caught.value.details), caught.value.details
    world.build("true")  # and the next one is not blamed for it


def test_a_compiler_that_is_killed_within_a_build_is_named_too(world: World) -> None:
    """Its parent goes on and ends with another code than 137."""
    with pytest.raises(BuildFailed, match="used more than its 256 MB of memory") as caught:
        world.build("python /parent.py")
    assert any("exit code 3" in line for line in caught.value.details), caught.value.details


def test_a_build_that_fails_by_itself_is_not_blamed_on_memory(world: World) -> None:
    with pytest.raises(BuildFailed, match="exit code 4"):
        world.build("exit 4")


def test_a_build_that_does_not_end_in_time_leaves_nothing_running(world: World) -> None:
    world.server.config = ServerConfig(build_timeout=8)
    groups: list[str] = []

    def hear(line: str) -> None:
        match = re.search(r"^ *(?:\d+:memory|0:):/(\S+)$", line)
        if match:
            groups.append(match[1])

    began = time.monotonic()
    with pytest.raises(BuildFailed) as caught:
        world.build("cat /proc/self/cgroup; sleep 300 & sleep 300", said=hear)
    assert time.monotonic() - began < 20
    assert caught.value.message == "the build did not end within 8 s and was stopped"
    assert "build_timeout: 16" in caught.value.hint
    group = groups[0]
    directory = world.groups.group("memory", group)
    assert directory is not None
    deadline = time.monotonic() + 5
    while directory.exists() and (directory / "cgroup.procs").read_text().strip():
        assert time.monotonic() < deadline, "BuildKit still runs it"
        time.sleep(0.05)


def test_applying_the_limits_again_costs_next_to_nothing(world: World) -> None:
    cli = DockerCli(os.environ).find()
    times = []
    for _ in range(20):
        began = time.monotonic()
        with world.limits.applied(cli, world.said.append):
            times.append((time.monotonic() - began) * 1000)
    assert sorted(times)[10] < 5, f"milliseconds: {times}"
    print(f"median {sorted(times)[10]:.2f} ms, first {times[0]:.1f} ms")


def test_the_cache_of_a_build_is_found_by_its_time_and_removed_by_id(world: World) -> None:
    world.build("dd if=/dev/urandom of=/big bs=1M count=7 2>/dev/null")
    world.docker.remove_image(f"{NAME}:test")
    (span,) = world.builds.spans()
    mine = [one for one in world.docker.build_cache() if span.start <= one.created <= span.end]
    big = [one for one in mine if one.size >= 7 * MIB]
    assert len(big) == 1
    others = {one.id for one in world.docker.build_cache()} - {one.id for one in mine}
    assert world.docker.prune_build_cache([big[0].id, "nosuchrecord", "bad|id"]) >= 7 * MIB
    left = {one.id for one in world.docker.build_cache()}
    assert big[0].id not in left
    assert others <= left
