"""What builds may use of the machine, and which files of which cgroup say so. Pure; `limits.py` has the kernel keep to it.

Docker's BuildKit runs each RUN in a cgroup of its own. Since Docker 23 `docker build --cgroup-parent=X` puts them into
X/buildkit (moby/buildkit pull 2430); before, only their parent can be limited: docker/buildkit with Docker's own cgroup
driver. With systemd's they have no parent of their own: they appear as system.slice/system.slice:docker:<id>
(moby/moby issue 45796), and each gets the limits as it appears.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

GROUP = "deployhost-builds"  # ours, at the top of the hierarchy
ENGINE_GROUP = "docker/buildkit"
SYSTEMD_GROUPS = ("system.slice/system.slice:docker:*", "system.slice:docker:*")
GROUPS_SINCE = 23  # the Docker engine whose builds take a cgroup
MOST_PROCESSES = 4096
PERIOD = 100_000  # microseconds over which CPU time is counted
# Seconds that a build gives way to everything; then it gets an eighth of an app's weight, and ends one day.
PATIENCE = 300.0
PAGE = 4096
MIB = 1024**2

Setting = tuple[str, str, str]
"""A controller, a file of it, and what is to stand there."""


@dataclass(frozen=True)
class Limits:
    """What all builds together may use: bytes of memory (swap included), CPUs and which of them, processes."""

    memory: int
    cpus: float
    which: tuple[int, ...]
    processes: int = MOST_PROCESSES


@dataclass(frozen=True)
class Placement:
    """Where builds run: a cgroup that takes the limits (or patterns of those that do), and what tells `docker build`."""

    group: str | None
    appearing: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    away: str | None = None  # another cgroup, in which they get their CPU time where version 1 allows that


def limits(cpus: Sequence[int], memory: int, wanted_cpus: float | None, wanted_memory: int | None) -> Limits:
    """Return the limits for a machine's CPUs, by number, and bytes of memory; `wanted_…` are what server.yml says (None: nothing).

    The defaults leave a CPU and half the memory to apps. Builds keep to CPUs of their own number: where a share of time
    alone limits them, they are on all CPUs until it is used up, and apps wait longer for that (tests/soak/greedy_builds.py).
    On a small machine a build gets 512 MiB, as long as 384 MiB are left; less than 256 MiB is of no use to any build.
    """
    room = max(memory - 384 * MIB, 256 * MIB)
    default = min(max(memory // 2, 512 * MIB), room)
    allowed = default if wanted_memory is None else wanted_memory
    share = max(len(cpus) - 1.0, 0.5) if wanted_cpus is None else min(wanted_cpus, float(len(cpus)))
    return Limits(memory=allowed // PAGE * PAGE, cpus=share, which=tuple(cpus[-math.ceil(share) :]))


def placement(engine: int, *, buildx: bool, systemd: bool) -> Placement:
    """Return where builds run; `engine` is its major version, `buildx` whether the client builds by it, `systemd` whether that drives cgroups."""
    if engine >= GROUPS_SINCE and buildx:
        return Placement(GROUP, argv=(f"--cgroup-parent={GROUP}",))
    if systemd:
        return Placement(None, SYSTEMD_GROUPS)
    # There they are among the apps, and what they take counts as taken by all of Docker: on a busy machine apps would wait
    # for it. So their processes are taken out, as far as CPU time is concerned.
    return Placement(ENGINE_GROUP, away=GROUP)


def settings(limited: Limits, files: Collection[str], *, unified: bool, patient: bool = True) -> list[Setting]:
    """Return what is to be written into which of the cgroup's files; `unified` is whether it is of version 2.

    What this kernel has no file for is left out. A `patient` build runs only when nothing else wants to (`cpu.idle`; where
    that is missing, the smallest weight comes next to it). The two exclude each other.
    """
    quota = round(limited.cpus * PERIOD)
    memory = str(limited.memory)
    if unified:
        wanted = [
            ("memory", "memory.max", memory),
            ("memory", "memory.swap.max", "0"),
            ("cpu", "cpu.max", f"{quota} {PERIOD}"),
            *_class("cpu.weight", "1" if patient else "12", files, patient=patient),
            ("pids", "pids.max", str(limited.processes)),
            ("io", "io.weight", "default 1"),
        ]
    else:
        wanted = [
            ("memory", "memory.limit_in_bytes", memory),
            ("memory", "memory.memsw.limit_in_bytes", memory),
            ("cpu", "cpu.cfs_period_us", str(PERIOD)),
            ("cpu", "cpu.cfs_quota_us", str(quota)),
            *_class("cpu.shares", "2" if patient else "128", files, patient=patient),
            ("pids", "pids.max", str(limited.processes)),
            ("blkio", "blkio.bfq.weight", "1"),
        ]
    return [setting for setting in wanted if setting[1] in files]


def confinement(limited: Limits, files: Collection[str]) -> list[Setting]:
    """Return what keeps the cgroup to its CPUs, apart from `settings`; `files` are the names of its files.

    A kernel may refuse it, and has the share of time still.
    """
    wanted = ("cpuset", "cpuset.cpus", ",".join(map(str, limited.which)))
    return [wanted] if wanted[1] in files else []


def _class(file: str, weight: str, files: Collection[str], *, patient: bool) -> list[Setting]:
    """Return what gives the cgroup its place among the others: what is idle has no weight."""
    idle = [("cpu", "cpu.idle", "1" if patient else "0")] if "cpu.idle" in files else []
    return idle if idle and patient else [*idle, ("cpu", file, weight)]


def unlimited(files: Collection[str], *, unified: bool) -> list[str]:
    """Return what of builds this kernel can't limit, in words; `files` are the names of the cgroup's files."""
    memory, time = ("memory.max", "cpu.max") if unified else ("memory.limit_in_bytes", "cpu.cfs_quota_us")
    needed = {"memory": memory, "CPU time": time, "processes": "pids.max"}
    return [what for what, file in needed.items() if file not in files]
