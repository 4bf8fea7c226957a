"""The supervisor with real small processes: it restarts, outlives its starter, is taken over from, and lets go of what is removed."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployhost.errors import SetupFailed
from deployhost.paths import Paths
from deployhost.system import json_file, process_records, supervisor
from deployhost.system.supervised import Supervised, supervised_definition

SLEEP = supervised_definition(["sleep", "600"])


def wait_for(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def supervisor_pid(paths: Paths) -> int:
    return process_records.running(paths.run / "services/supervisor.pid")


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    paths = Paths(tmp_path)
    yield paths
    services = Supervised(paths)
    for definition in (paths.state / "services").glob("*.json"):
        services.remove(definition.stem)
    wait_for(lambda: not supervisor_pid(paths))


@pytest.fixture
def services(paths: Paths) -> Supervised:
    services = Supervised(paths)
    services.define("nap", SLEEP)
    services.start("nap")
    return services


def test_a_service_that_dies_is_started_again(services: Supervised) -> None:
    first = services.pid("nap")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: services.pid("nap") not in (0, first))
    assert services.active("nap")
    assert services.enabled("nap")


def test_a_killed_supervisor_is_followed_by_one_that_takes_over(services: Supervised, paths: Paths) -> None:
    nap, old = services.pid("nap"), supervisor_pid(paths)
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: not supervisor_pid(paths))
    assert not services.enabled("nap")
    assert services.pid("nap") == nap

    services.start("nap")
    assert supervisor_pid(paths) not in (0, old)
    assert services.pid("nap") == nap, "a second one was started"

    os.kill(nap, signal.SIGKILL)  # not a child of the new supervisor: it is watched all the same
    wait_for(lambda: services.pid("nap") not in (0, nap))


def test_the_services_go_on_when_the_supervisor_is_told_to_end(services: Supervised, paths: Paths) -> None:
    nap = services.pid("nap")
    os.kill(supervisor_pid(paths), signal.SIGTERM)
    wait_for(lambda: not supervisor_pid(paths))
    assert services.pid("nap") == nap


def test_a_second_supervisor_ends_at_once(services: Supervised, paths: Paths) -> None:
    before = supervisor_pid(paths)
    assert supervisor.main(["", *(str(paths.state / "services"), str(paths.run / "services"), str(paths.logs))]) == 0
    assert supervisor_pid(paths) == before


def test_restart_runs_what_is_defined_now(services: Supervised) -> None:
    before = services.pid("nap")
    services.define("nap", supervised_definition(["sleep", "601"]))
    assert services.pid("nap") == before
    services.restart("nap")
    wait_for(lambda: b"601" in Path(f"/proc/{services.pid('nap')}/cmdline").read_bytes())


def test_a_removed_service_ends_and_the_supervisor_with_the_last(services: Supervised, paths: Paths) -> None:
    nap = services.pid("nap")
    services.remove("nap")
    assert not process_records.start_of(nap)
    assert services.definition("nap") is None
    wait_for(lambda: not supervisor_pid(paths))


def test_nothing_is_left_of_a_removed_service_beside_others(services: Supervised) -> None:
    ends_slowly = "trap 'sleep 0.5; exit' TERM; while :; do sleep 0.1; done"
    services.define("other", supervised_definition(["sh", "-c", ends_slowly]))
    services.start("other")
    other = services.pid("other")
    services.remove("other")
    wait_for(lambda: not Path(f"/proc/{other}").exists())
    assert services.active("nap")


def test_a_service_that_can_not_be_started_is_an_error_with_its_log(paths: Paths) -> None:
    services = Supervised(paths, starts_within=0.1)
    services.define("bad", supervised_definition(["/nonexistent/program"]))
    with pytest.raises(SetupFailed, match="bad does not stay up") as caught:
        services.start("bad")
    assert caught.value.details == ("/nonexistent/program can't be started: No such file or directory",)


def test_a_process_that_its_pid_file_names_is_taken_over(paths: Paths) -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "600"], {})
    pidfile = paths.root / "nap.pid"
    pidfile.write_text(str(pid))
    services = Supervised(paths)
    services.define("nap", supervised_definition(["/bin/sleep", "600"], str(pidfile)))
    services.start("nap")
    try:
        assert services.pid("nap") == pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_it_starts_later_and_later_what_keeps_dying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr("deployhost.system.supervisor.time.monotonic", lambda: clock)
    monkeypatch.setattr(supervisor, "say", lambda _text: None)
    service = supervisor.Service("bad")
    keeper = supervisor.Supervisor(tmp_path, tmp_path, tmp_path)
    waits = []
    for _ in range(6):
        service.pid, service.started = os.posix_spawn("/bin/true", ["true"], {}), clock
        keeper.died(service)
        waits.append(service.not_before - clock)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0]

    service.pid, service.started = os.posix_spawn("/bin/true", ["true"], {}), clock
    clock += supervisor.STEADY
    keeper.died(service)
    assert service.not_before - clock == 0.5


def test_a_log_above_its_limit_is_kept_once_and_begun_anew(tmp_path: Path) -> None:
    log = tmp_path / "supervisor.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old " * 10)
        supervisor.Supervisor(tmp_path, tmp_path, tmp_path, log_limit=20).rotate_logs()
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert (tmp_path / "supervisor.log.1").read_bytes() == b"old " * 10


def test_a_pid_that_was_used_again_is_not_taken_for_the_service(tmp_path: Path) -> None:
    record = tmp_path / "nap.json"
    process_records.note(record, os.getpid())
    assert process_records.running(record) == os.getpid()
    json_file.write_json(record, {"pid": os.getpid(), "start": "another boot/1"})
    assert process_records.running(record) == 0
    record.write_text("[]")
    assert process_records.running(record) == 0


def test_the_supervisor_is_small(services: Supervised, paths: Paths) -> None:
    status = Path(f"/proc/{supervisor_pid(paths)}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident < 15 * 1024
    assert services.active("nap")


def test_nobody_else_can_open_what_it_locks(services: Supervised, paths: Paths) -> None:
    """A local account that held a lock would freeze the supervisor: neither the directories nor the files are its to open."""
    locks = [paths.services, paths.services / ".lock", paths.run / "services", paths.run / "services/supervisor.lock"]
    assert {str(path): oct(path.stat().st_mode & 0o077) for path in locks} == {str(path): "0o0" for path in locks}
    services.release("nap")
    _end = services.pid("nap")
    if _end:
        os.kill(_end, signal.SIGKILL)


def test_a_directory_that_earlier_versions_left_open_is_closed(paths: Paths) -> None:
    paths.services.mkdir(parents=True)
    paths.services.chmod(0o755)
    descriptor = os.open(paths.services, os.O_RDONLY)  # as anybody could
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    services = Supervised(paths)
    services.define("nap", SLEEP)
    services.start("nap")
    assert services.active("nap")
    assert paths.services.stat().st_mode & 0o777 == 0o700
    os.close(descriptor)


def test_a_directory_is_bound_and_rules_are_loaded_before_the_program_starts(paths: Paths, tmp_path: Path) -> None:
    """What can't be mounted is in the log, and the program starts all the same."""
    services = Supervised(paths)
    (tmp_path / "damaged").touch()
    services.define("nap", supervised_definition(["sleep", "600"], binds=tmp_path / "none", rules=tmp_path / "damaged"))
    services.start("nap")
    said = (paths.logs / "nap.log").read_text()
    assert "can't be mounted nosuid,nodev: [Errno 2]" in said
    assert f"{tmp_path / 'damaged'} can't be read" in said
