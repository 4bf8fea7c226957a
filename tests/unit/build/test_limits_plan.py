"""What builds may use, and which files say so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.build.limits_plan import (
    MIB,
    PAGE,
    Limits,
    Placement,
    confinement,
    limits,
    placement,
    settings,
    unlimited,
)
from deployhost.sizes import size_setting

GIB = 1024 * MIB
FIRST = {
    "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.shares", "pids.max",
}  # fmt: skip
SECOND = {"memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "pids.max", "io.weight"}


@pytest.mark.parametrize(
    ("cpus", "memory", "expected"),
    [
        ((0,), 512 * MIB, Limits(256 * MIB, 0.5, (0,))),
        ((0,), 1 * GIB, Limits(512 * MIB, 0.5, (0,))),
        ((0, 1), 4 * GIB, Limits(2 * GIB, 1, (1,))),
        ((2, 3, 6, 7), 64 * GIB, Limits(32 * GIB, 3, (3, 6, 7))),
    ],
)
def test_the_defaults_leave_room_for_apps(cpus: tuple[int, ...], memory: int, expected: Limits) -> None:
    assert limits(cpus, memory, None, None) == expected


def test_what_the_person_wants() -> None:
    assert limits(range(4), 8 * GIB, 2, 7 * GIB + 1) == Limits(7 * GIB, 2, (2, 3))
    assert limits(range(4), 8 * GIB, 1.5, None) == Limits(4 * GIB, 1.5, (2, 3))
    assert limits(range(2), 8 * GIB, 64, None) == Limits(4 * GIB, 2, (0, 1)), "there are no more"


@given(st.integers(1, 512), st.integers(128 * MIB, 2**44))
def test_limits_are_sane(cpus: int, memory: int) -> None:
    found = limits(range(cpus), memory, None, None)
    assert 0.5 <= found.cpus <= max(cpus - 1, 0.5)
    assert len(found.which) == max(cpus - 1, 1)
    assert found.memory >= 256 * MIB
    assert found.memory % PAGE == 0
    assert memory < 640 * MIB or memory - found.memory >= 384 * MIB


@pytest.mark.parametrize(
    ("engine", "buildx", "systemd", "expected"),
    [
        (20, False, False, Placement("docker/buildkit", away="deployhost-builds")),
        (20, False, True, Placement(None, ("system.slice/system.slice:docker:*", "system.slice:docker:*"))),
        (22, True, False, Placement("docker/buildkit", away="deployhost-builds")),
        (28, True, True, Placement("deployhost-builds", argv=("--cgroup-parent=deployhost-builds",))),
        (28, False, False, Placement("docker/buildkit", away="deployhost-builds")),
    ],
)
def test_where_builds_run(engine: int, buildx: bool, systemd: bool, expected: Placement) -> None:
    assert placement(engine, buildx=buildx, systemd=systemd) == expected


def test_version_1() -> None:
    assert settings(Limits(GIB, 1.5, (0, 1), 100), FIRST, unified=False) == [
        ("memory", "memory.limit_in_bytes", "1073741824"),
        ("memory", "memory.memsw.limit_in_bytes", "1073741824"),
        ("cpu", "cpu.cfs_period_us", "100000"),
        ("cpu", "cpu.cfs_quota_us", "150000"),
        ("cpu", "cpu.shares", "2"),
        ("pids", "pids.max", "100"),
    ]
    idle = settings(Limits(GIB, 1.5, (0, 1)), {*FIRST, "cpu.idle"}, unified=False)
    assert ("cpu", "cpu.idle", "1") in idle
    assert "cpu.shares" not in {file for _, file, _ in idle}, "the kernel refuses a weight of what is idle"


def test_after_a_while_a_build_gets_some_weight() -> None:
    """Where apps take all CPU time for ever, the build of what mends them must end."""
    for files, unified, file, weight in ((FIRST, False, "cpu.shares", "128"), (SECOND, True, "cpu.weight", "12")):
        hurried = settings(Limits(GIB, 1, (0,)), {*files, "cpu.idle"}, unified=unified, patient=False)
        assert ("cpu", "cpu.idle", "0") in hurried
        assert ("cpu", file, weight) in hurried
        assert ("cpu", file, weight) in settings(Limits(GIB, 1, (0,)), files, unified=unified, patient=False)


def test_version_2() -> None:
    assert settings(Limits(GIB, 0.5, (0,), 100), SECOND, unified=True) == [
        ("memory", "memory.max", "1073741824"),
        ("memory", "memory.swap.max", "0"),
        ("cpu", "cpu.max", "50000 100000"),
        ("cpu", "cpu.weight", "1"),
        ("pids", "pids.max", "100"),
        ("io", "io.weight", "default 1"),
    ]


def test_the_cpus_of_builds() -> None:
    limited = Limits(GIB, 2, (3, 6, 7))
    assert confinement(limited, {*SECOND, "cpuset.cpus"}) == [("cpuset", "cpuset.cpus", "3,6,7")]
    assert confinement(limited, SECOND) == []


def test_what_the_kernel_has_no_file_for_is_left_out_and_told() -> None:
    assert settings(Limits(GIB, 1, (0,)), {"cpu.shares"}, unified=False) == [("cpu", "cpu.shares", "2")]
    assert unlimited({"cpu.cfs_quota_us"}, unified=False) == ["memory", "processes"]
    assert unlimited(SECOND, unified=True) == []
    assert unlimited(FIRST, unified=False) == []


def test_sizes_as_server_yml_has_them() -> None:
    assert [size_setting(size) for size in (0, 300 * MIB, GIB, 3 * GIB // 2)] == ["0m", "300m", "1g", "1.5g"]
