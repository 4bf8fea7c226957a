"""Keeps the webhook's listener running, also while no daemon runs.

The daemon and the listener both have the listening socket open. While a listener is replaced or dies, connections wait in the kernel's queue
for the next one. A daemon that starts can't get the old socket back. It starts a listener on a new socket, renames that socket into place,
and only then has the old listener answer whom it has and end. The inbox keeps what the old one hands over until then.
"""

import contextlib
import logging
import os
import select
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.daemon.troubles import Troubles
from deployhost.daemon.webhook.inbox import Inbox
from deployhost.daemon.webhook.launch import RunningListener, Secrets, launch
from deployhost.daemon.webhook.users import ListenerUsers
from deployhost.errors import CommandFailed, DeployhostError, SetupFailed
from deployhost.paths import Paths
from deployhost.system import files, process_records
from deployhost.system.clock import CLOCK, Clock, until
from deployhost.system.service_manager import log_command

WHAT = "listening for deliveries from GitHub"
CHECK = 5.0  # seconds between looks at the connections
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds before a listener that died is started again
STEADY = 60.0  # seconds of running after which a death counts as the first one
PROBE_EVERY, PROBE_WITHIN = 60.0, 10.0  # seconds between looks whether it answers, and until it has to
BACKLOG = 1024  # connections that wait in the kernel while nobody accepts them
HINT = "deployhost setup --local"
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class ListenerKeeper:
    """Keeps one listener running while it is wanted.

    `secrets` returns the secrets of the connections that have a webhook, by their ids; `reachable` whether there is a tunnel that leads
    to the listener; `users` the system's users that it needs, or None where set-up did not make them.
    """

    paths: Paths
    inbox: Inbox
    secrets: Callable[[], Secrets]
    reachable: Callable[[], bool]
    users: Callable[[], ListenerUsers | None]
    troubles: Troubles
    clock: Clock = CLOCK
    _door: socket.socket | None = field(default=None, init=False)
    _inode: int = field(default=0, init=False)  # of the socket's file
    _current: RunningListener | None = field(default=None, init=False)
    _ending: list[RunningListener] = field(default_factory=list, init=False)
    _since: float = field(default=0.0, init=False)
    _probe_at: float = field(default=0.0, init=False)
    _delay: float = field(default=FIRST_DELAY, init=False)
    _not_before: float = field(default=float("-inf"), init=False)

    def run(self) -> None:
        """Keep the listener running for ever."""
        while True:
            self.troubles.went_well(WHAT, self.round)
            self._wait()

    def round(self) -> None:
        """Have the listener that is wanted now, or none. Raise what keeps it from running."""
        wanted = self.secrets() if self.reachable() else {}
        if not wanted:
            self._end_all()
            return
        users = self.users()
        if users is None:
            raise SetupFailed("the users of the webhook's listener and of the tunnel are missing", hint=HINT)
        self._note_death()
        self._probe()
        if self._current is None or self._current.secrets != wanted or not self._is_in_place():
            if self.clock.monotonic() < self._not_before:
                raise self._problem("keeps ending")
            self._replace(wanted, users)
        self._end_others()

    def _wait(self) -> None:
        """Wait until there may be something to do: the listener ended, a delay is over, or connections are to be looked at."""
        seconds = CHECK
        if self._current is None and self._not_before > self.clock.monotonic():
            seconds = min(seconds, self._not_before - self.clock.monotonic())
        waiting = select.poll()
        with contextlib.ExitStack() as stack:
            if self._current is not None:
                with contextlib.suppress(ProcessLookupError):
                    ended = os.pidfd_open(self._current.pid)
                    stack.callback(os.close, ended)
                    waiting.register(ended, select.POLLIN)
            waiting.poll(seconds * 1000)

    def _note_death(self) -> None:
        if self._current is None or (code := self._current.poll()) is None:
            return
        now = self.clock.monotonic()
        if now - self._since >= STEADY:
            self._delay = FIRST_DELAY
        self._current, self._not_before = None, now + self._delay
        log.warning("the webhook's listener ended (%s); it is started again in %g s", code, self._delay)
        self._delay = min(self._delay * 2, LONGEST_DELAY)

    def _probe(self) -> None:
        """End the listener now and then if it does not answer: it would hold its place for ever."""
        now = self.clock.monotonic()
        if self._current is None or now < self._probe_at:
            return
        self._probe_at = now + PROBE_EVERY
        if not _answers(self.paths.webhook_socket):
            log.warning("the webhook's listener did not answer within %g s and is ended", PROBE_WITHIN)
            os.kill(self._current.pid, signal.SIGKILL)
            until(lambda: self._current is None or self._current.poll() is not None, within=PROBE_WITHIN, every=0.02)
            self._note_death()

    def _replace(self, secrets: Secrets, users: ListenerUsers) -> None:
        """Start a listener and have it take the place of the one before. Raise CommandFailed, FileProblem; the old one stays then."""
        door = None
        try:
            in_place = self._is_in_place()
            door = self._door if in_place and self._door is not None else self._new_door(users)
            started = self._started(door, secrets, users)
            if not in_place:
                self._new.rename(self.paths.webhook_socket)
        except (DeployhostError, OSError) as error:
            if door is not None and door is not self._door:
                door.close()
            self._not_before = self.clock.monotonic() + self._delay
            self._delay = min(self._delay * 2, LONGEST_DELAY)
            if isinstance(error, OSError):
                raise files.problem("make", self.paths.webhook_socket, error) from error
            raise
        if self._door is not None and self._door is not door:
            self._door.close()
        if self._current is not None:
            self._ending.append(self._current)
        self._door, self._current = door, started
        self._probe_at = self.clock.monotonic() + PROBE_EVERY
        log.info("the webhook's listener runs as process %s", started.pid)

    @property
    def _new(self) -> Path:
        return self.paths.webhook / "new.sock"

    def _is_in_place(self) -> bool:
        """Return whether the socket at its path is the one that is open here."""
        if self._door is None:
            return False
        try:
            # The socket's file, by which it was bound; the descriptor's own inode is another one.
            return self.paths.webhook_socket.stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def _new_door(self, users: ListenerUsers) -> socket.socket:
        self._make_directories()
        self._new.unlink(missing_ok=True)
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.bind(str(self._new))  # in a directory that is root's alone, until its rights are set
        os.chown(self._new, -1, users.tunnel_group)
        self._new.chmod(0o660)
        door.listen(BACKLOG)
        self._inode = self._new.stat().st_ino
        return door

    def _make_directories(self) -> None:
        files.make_directory(self.paths.webhook, 0o700)
        files.make_directory(self._empty, 0o755)

    @property
    def _empty(self) -> Path:
        return self.paths.webhook / "empty"

    def _started(self, door: socket.socket, secrets: Secrets, users: ListenerUsers) -> RunningListener:
        self._make_directories()
        inherited = (door.fileno(), self.inbox.descriptor())
        started = launch(inherited, self.paths.webhook, self._empty, secrets, users)
        if started is None:
            raise self._problem("can't be started")
        self._since = self.clock.monotonic()
        return started

    def _problem(self, what: str) -> CommandFailed:
        return CommandFailed(
            f"the webhook's listener {what}: until it runs, pushes are found within a minute",
            status=1,
            hint=log_command("deployhostd", self.paths.logs),
        )

    def _end_others(self) -> None:
        """Have every listener but the current one finish what it has and end."""
        self._ending = [one for one in self._ending if one.poll() is None]
        process_records.end_noted(self.paths.webhook, but=0 if self._current is None else self._current.pid)

    def _end_all(self) -> None:
        """Have no listener: nobody could reach it, or there is no secret to check deliveries with."""
        self._note_death()
        if self._current is not None:
            self._ending.append(self._current)
            self._current = None
        if self._door is not None:
            self._door.close()
            self._door = None
        self.paths.webhook_socket.unlink(missing_ok=True)
        self._end_others()


def _answers(path: Path) -> bool:
    """Return whether a listener answers a request that is none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PROBE_WITHIN)
        connection.connect(str(path))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: probe\r\n\r\n")
        return bool(connection.recv(1))
    return False
