"""Services as processes that our own supervisor keeps, where PID 1 is not systemd."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from deployhost.errors import SetupFailed
from deployhost.paths import Paths
from deployhost.system import files, json_file, process, process_records, supervisor
from deployhost.system.clock import CLOCK, until
from deployhost.system.services import PATH, Manager

STARTS_WITHIN = 20.0  # seconds that a service gets to stay up; the supervisor waits up to 10 between two starts
STOPS_WITHIN = 30.0  # seconds that a service gets to end by itself
LOOK = 0.02  # seconds between two looks at a process
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}  # of the supervisor and its services
UP = 0.1  # seconds after which a process that was started counts as up


class Supervised:
    """Keeps services by the supervisor, which is started where it does not run."""

    manager: Manager = "supervisor"

    def __init__(
        self,
        paths: Paths,
        *,
        python: str = sys.executable,
        starts_within: float = STARTS_WITHIN,
        stops_within: float = STOPS_WITHIN,
    ) -> None:
        self._services, self._run, self._logs = paths.services, paths.run / "services", paths.logs
        self._python, self._starts_within, self._stops_within = python, starts_within, stops_within

    def definition(self, name: str) -> str | None:
        """Return the definition's JSON, or None."""
        return files.read_text(self._services / f"{name}.json")

    def define(self, name: str, text: str) -> None:
        """Write the definition and tell the supervisor."""
        self._make_directories()
        files.write_atomically(self._services / f"{name}.json", text.encode())
        self._tell()

    def enabled(self, name: str) -> bool:
        """Return whether a supervisor of this very program watches over the service."""
        return self.definition(name) is not None and self._supervisor() > 0 and self._current()

    def active(self, name: str) -> bool:
        """Return whether the service's process runs."""
        return self.pid(name) > 0

    def pid(self, name: str) -> int:
        """Return the process of the service, or 0."""
        return process_records.running(self._run / f"{name}.json")

    def start(self, name: str) -> None:
        """Have a supervisor, and by it the service."""
        self._ensure_supervisor()
        self._tell()
        self._wait_until_up(name)

    def restart(self, name: str) -> None:
        """End the service's process (TERM, then KILL); the supervisor starts it again."""
        old = self.pid(name)
        self._ensure_supervisor()
        self._tell()
        _end(old, self._stops_within)
        self._wait_until_up(name, other_than=old)

    def remove(self, name: str) -> None:
        """Forget the service, then end its process."""
        self.release(name)
        _end(self.pid(name), self._stops_within)
        files.remove(self._run / f"{name}.json")

    def release(self, name: str) -> None:
        """Forget the service; its process keeps running. The supervisor ends with the last service."""
        if not self._services.is_dir():
            return
        with process_records.locked(self._services):  # so that the supervisor is not about to start it
            files.remove(self._services / f"{name}.json")
        self._tell()

    def output(self, name: str) -> tuple[str, ...]:
        """Return the last lines of the service's log."""
        return _tail(self._logs / f"{name}.log")

    def _make_directories(self) -> None:
        # Nobody else may open what the supervisor locks: they could hold it up (flock(2) takes any descriptor).
        for directory, mode in ((self._services, 0o700), (self._run, 0o700), (self._logs, 0o750)):
            files.make_directory(directory, mode)

    def _ensure_supervisor(self) -> None:
        pid = self._supervisor()
        if pid and self._current():
            return
        _end(pid, self._stops_within)  # an older version's: the services go on, and the new one takes them over
        self._make_directories()
        argv = [self._python, "-S", "-s", "-E", "-m", supervisor.__name__]
        log = self._logs / "supervisor.log"
        # setsid(1) forks, so that the supervisor is nobody's child here and outlives this process and its terminal.
        process.spawn(
            ["setsid", "--fork", *argv, str(self._services), str(self._run), str(self._logs)],
            cwd=Path(supervisor.__file__).parents[2],  # the package's root
            env=ENVIRONMENT,
            output=log,
        ).wait(10)
        _wait_until(lambda: self._supervisor() > 0, "the supervisor does not stay up", 10.0, log)

    def _wait_until_up(self, name: str, other_than: int = 0) -> None:
        def up() -> bool:
            pid = self.pid(name)
            if pid in (0, other_than):
                return False
            CLOCK.sleep(UP)
            return self.pid(name) == pid

        _wait_until(up, f"{name} does not stay up", self._starts_within, self._logs / f"{name}.log")

    def _supervisor(self) -> int:
        return process_records.running(self._run / "supervisor.pid")

    def _current(self) -> bool:
        return json_file.read_json(self._run / "supervisor.pid").get("program") == supervisor.__file__

    def _tell(self) -> None:
        pid = self._supervisor()
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGHUP)


def supervised_definition(
    argv: list[str], pidfile: str = "", *, binds: Path | None = None, rules: Path | None = None
) -> str:
    """Return the definition of a service that the supervisor reads; `pidfile` is the program's own, if it has one.

    `binds` is a directory in which setuid programs and devices shall have no power before the program starts, `rules` a file
    of rules of the packet filter that shall be there (early_rules.py).
    """
    more = {name: str(path) for name, path in (("binds", binds), ("rules", rules)) if path is not None}
    return json.dumps({"argv": argv, "env": ENVIRONMENT, "pidfile": pidfile, **more}, indent=2) + "\n"


def _end(pid: int, within: float) -> None:
    """TERM, then KILL, one process; wait until it is gone."""
    start = process_records.start_of(pid) if pid else ""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not start:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if until(lambda: process_records.start_of(pid) != start, within=within, every=LOOK):
            return


def _wait_until(holds: Callable[[], bool], message: str, seconds: float, log: Path) -> None:
    if not until(holds, within=seconds, every=LOOK):
        raise SetupFailed(message, hint=f"tail -n 50 {log}", details=_tail(log))


def _tail(log: Path) -> tuple[str, ...]:
    return tuple((files.read_text(log) or "").splitlines()[-process.TAIL :])
