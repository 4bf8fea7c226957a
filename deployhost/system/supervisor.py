"""Keeps services running where PID 1 is not systemd: `python3 -S -s -E -m deployhost.system.supervisor SERVICES RUN LOGS`.

Standard library only, and its lightest parts: it is there all the time. What is to run lies in SERVICES/<name>.json
({"argv": […], "env": {…}, "pidfile": PATH or "", "binds": PATH or "", "rules": PATH or ""}); what runs is noted in RUN/<name>.json,
so that a supervisor that follows a killed one takes over the processes that are there. It ends when nothing is left to keep, or on
TERM: the services go on.
"""

import contextlib
import fcntl
import os
import select
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from deployhost.system.json_file import read_json
from deployhost.system.process_records import by_pidfile, locked, note, running

FIRST_DELAY, LONGEST_DELAY = 0.5, 10.0  # seconds before a service that died is started again
STEADY = 30.0  # seconds of running after which a death counts as the first one
LOG_LIMIT = 10 * 1024 * 1024  # bytes; one older file is kept
LOG_CHECK = 10.0  # seconds between two looks at the sizes of the logs
SCORE = -500  # of the kernel's choice whom to kill when memory is short: what docker.service has


class Service:
    """One service: what is to run, the process that runs it (pid 0: none) and when it may be started again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.argv: list[str] = []
        self.env: dict[str, str] = {}
        self.pidfile = ""
        self.binds = self.rules = ""
        self.pid = 0
        self.fd = -1
        self.started = 0.0
        self.delay = FIRST_DELAY
        self.not_before = 0.0


class Supervisor:
    """Keeps what SERVICES names running until it names nothing, or TERM comes."""

    def __init__(self, directory: Path, run: Path, logs: Path, *, log_limit: int = LOG_LIMIT) -> None:
        self.directory, self.run, self.logs, self.log_limit = directory, run, logs, log_limit
        self.services: dict[str, Service] = {}
        self.let_go: dict[int, int] = {}  # processes of services that are gone, by their descriptors
        self.stopping = False
        self.checked_logs = -LOG_CHECK
        self.wake, self.wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def loop(self) -> None:
        """Read what is wanted, start what is due, wait for a death or a signal; again."""
        while not self.stopping:
            # Whoever takes a service away holds this lock meanwhile, and so knows that it is not started just then.
            with locked(self.directory):
                self.read_wanted()
                if not self.services:
                    return
                for service in self.services.values():
                    self.ensure(service)
            self.rotate_logs()
            self.wait()

    def read_wanted(self) -> None:
        """Take over what SERVICES says now. A service that is gone there is let go: whoever removed it stops it."""
        wanted = {path.stem: path for path in self.directory.glob("*.json")}
        for name in [name for name in self.services if name not in wanted]:
            gone = self.services.pop(name)
            if gone.pid:
                self.let_go[gone.fd] = gone.pid
        for name, path in wanted.items():
            definition = read_json(path)
            if definition.get("argv"):
                service = self.services.setdefault(name, Service(name))
                service.argv, service.env = definition["argv"], definition.get("env", {})
                service.pidfile = definition.get("pidfile", "")
                service.binds, service.rules = definition.get("binds", ""), definition.get("rules", "")

    def ensure(self, service: Service) -> None:
        """Start the service if it does not run and its time has come; take it over if it runs already."""
        if service.pid or time.monotonic() < service.not_before:
            return
        record = self.run / f"{service.name}.json"
        pid = running(record)
        if not pid and service.pidfile:
            pid = by_pidfile(Path(service.pidfile), Path(service.argv[0]).name)
            if pid:
                note(record, pid)
        say(f"{service.name} runs already as process {pid}" if pid else f"{service.name} is started")
        pid = pid or self.start(service, record)
        service.pid, service.started = pid, time.monotonic()
        try:
            service.fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self.died(service)

    def start(self, service: Service, record: Path) -> int:
        """Fork the service and return its pid. It waits until it is noted, so that no unknown process is ever left behind."""
        ready, go = os.pipe2(os.O_CLOEXEC)
        log = os.open(self.logs / f"{service.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        pid = os.fork()
        if pid == 0:
            become(service, ready, go, log)
        os.close(log)
        os.close(ready)
        try:
            note(record, pid)
            os.write(go, b"!")
        finally:
            os.close(go)
        return pid

    def wait(self) -> None:
        """Wait for the death of a service, a signal, the next start that is due, or the next look at the logs."""
        poll = select.poll()
        poll.register(self.wake, select.POLLIN)
        by_fd = {service.fd: service for service in self.services.values() if service.pid}
        for fd in (*by_fd, *self.let_go):
            poll.register(fd, select.POLLIN)
        now = time.monotonic()
        due = [service.not_before - now for service in self.services.values() if not service.pid]
        seconds = max(0.01, min([LOG_CHECK, *due]))
        for fd, _event in poll.poll(seconds * 1000):
            if fd == self.wake:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake, 512)
            elif fd in self.let_go:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(self.let_go.pop(fd), 0)  # so that it does not stay in the table of processes
                close(fd)
            else:
                self.died(by_fd[fd])

    def died(self, service: Service) -> None:
        """Note that the service's process ended, and when it is started again: later and later while it keeps dying."""
        how = ""
        with contextlib.suppress(ChildProcessError):  # one that was taken over is not our child
            code = os.waitstatus_to_exitcode(os.waitpid(service.pid, 0)[1])
            how = f" (signal {-code})" if code < 0 else f" (exit code {code})"
        close(service.fd)
        if time.monotonic() - service.started >= STEADY:
            service.delay = FIRST_DELAY
        service.pid, service.fd = 0, -1
        service.not_before = time.monotonic() + service.delay
        say(f"{service.name} ended{how}; it is started again in {service.delay:g} s")
        service.delay = min(service.delay * 2, LONGEST_DELAY)

    def rotate_logs(self) -> None:
        """Keep each log below its limit: its content becomes <name>.log.1, and it begins anew."""
        if time.monotonic() - self.checked_logs < LOG_CHECK:
            return
        self.checked_logs = time.monotonic()
        for name in ["supervisor", *self.services]:
            with contextlib.suppress(OSError):
                log = self.logs / f"{name}.log"
                if log.stat().st_size > self.log_limit:
                    rotate(log)

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """End on TERM; on HUP read SERVICES again."""
        self.stopping = self.stopping or number in (signal.SIGTERM, signal.SIGINT)
        with contextlib.suppress(BlockingIOError):
            os.write(self.wake_write, b"!")


def become(service: Service, ready: int, go: int, log: int) -> None:
    """Turn the forked process into the service once its parent has noted it; never return."""
    try:
        os.close(go)
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        if os.read(ready, 1) != b"!":  # the supervisor died before it had noted us
            os._exit(0)
        bind(service.binds, log)
        forbid(service.rules, log)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(str(SCORE), encoding="ascii")
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.umask(0o022)
        os.execvpe(service.argv[0], service.argv, service.env)  # noqa: S606 - an argv list, and no shell is the point
    except OSError as error:
        os.write(log, f"{service.argv[0]} can't be started: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def bind(directory: str, log: int) -> None:
    """Have setuid programs and devices in a directory without power. What goes wrong is no reason not to start: set-up reports it."""
    if not directory:
        return
    try:
        from deployhost.system import bind_mount  # noqa: PLC0415 - what it loads (ctypes) is not for the supervisor

        bind_mount.bind(Path(directory))
    except Exception as error:  # noqa: BLE001 - whatever it is, apps are to be served
        os.write(log, f"{directory} can't be mounted nosuid,nodev: {error}\n".encode())


def forbid(rules: str, log: int) -> None:
    """Have the rules of a file in the packet filter. What goes wrong is no reason not to start: the daemon tries again."""
    if not rules:
        return
    try:
        from deployhost.system import early_rules  # noqa: PLC0415 - what it loads (subprocess) is not for the supervisor
        from deployhost.system.firewall import Firewall  # noqa: PLC0415

        for problem in early_rules.load(Path(rules), Firewall()):
            os.write(log, f"{problem}\n".encode())
    except Exception as error:  # noqa: BLE001 - whatever it is, apps are to be served
        os.write(log, f"{rules} can't be loaded: {error}\n".encode())


def rotate(log: Path) -> None:
    """Copy a log aside and empty it. Its writers append, so that they go on at its new end."""
    new, old = log.with_name(log.name + ".new"), log.with_name(log.name + ".1")
    with log.open("rb") as source, new.open("wb") as target:
        while chunk := source.read(1 << 20):
            target.write(chunk)
    new.replace(old)
    os.truncate(log, 0)


def close(fd: int) -> None:
    """Close a descriptor; -1 is none."""
    if fd >= 0:
        os.close(fd)


def say(text: str) -> None:
    """Write a line to our own log, with its time."""
    with contextlib.suppress(OSError):  # a full disk must not end us
        os.write(1, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n".encode())


def main(argv: list[str]) -> int:
    """Run as the one supervisor of a RUN directory; return 0 at once if another is there."""
    services, run, logs = map(Path, argv[1:4])
    for directory in (services, run, logs):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chdir("/")
    lock = os.open(run / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    supervisor = Supervisor(services, run, logs)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, supervisor.on_signal)
    note(run / "supervisor.pid", os.getpid(), program=__file__)
    say(f"supervisor {os.getpid()} began")
    while True:
        try:
            supervisor.loop()
            break
        except OSError as error:  # a full disk, no process left to fork: what runs is watched on
            say(f"{error}; trying again")
            time.sleep(1)
    say("supervisor ended; the services go on" if supervisor.services else "supervisor ended: nothing to keep running")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
