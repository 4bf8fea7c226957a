"""The entry point of deployhostd."""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

import deployhost
from deployhost.apps.repositories import Repositories
from deployhost.daemon.control import ControlServer
from deployhost.daemon.operations.table import handlers
from deployhost.daemon.parts import Parts
from deployhost.errors import DeployhostError, InvalidConfig
from deployhost.paths import Paths
from deployhost.system import files

LOCK_TIMEOUT = 5.0  # seconds for a daemon that is just being stopped
LOOK = 10.0  # seconds between looks at what a person, Kamal or a crash may have changed
KEEP = 60.0  # seconds between what needs no look: seeing to the packet filter itself, sweeping up
COLLECT = 3600.0  # seconds between looks at whether the registry is to be collected
RETRY = 1.0  # seconds between attempts to begin while Docker or the proxy does not answer yet
log = logging.getLogger(__name__)


def main() -> None:
    """Run until a signal ends it. It may be killed at any moment: all that matters is in the journal."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # nothing to tidy up that a kill -9 would not leave as well
    os.umask(0o022)
    paths = Paths(Path(os.environ.get("DEPLOYHOST_ROOT", "/")))
    try:
        paths.run.mkdir(parents=True, exist_ok=True)
        # Two daemons would each run the queue; the kernel lets go of the lock when its holder dies, however it dies.
        with files.lock(paths.run / "deployhostd.lock", timeout=LOCK_TIMEOUT):
            _serve(paths)
    except DeployhostError as error:
        log.critical("%s", error.message)
        for line in error.details:
            log.critical("  %s", line)
        sys.exit(error.exit_code)


def _serve(paths: Paths) -> None:
    daemon = Parts(paths)
    operations = handlers(daemon)
    daemon.make_all()  # what can't be opened is told now, not by the first who needs it
    daemon.repositories.sweep()
    try:
        daemon.repositories.refresh()
    except DeployhostError as error:
        # A mistake in apps.yml: every operation tells it, and the apps that run are not concerned.
        log.warning("%s", "; ".join((error.message, *error.details)))
    server = ControlServer(paths.control_socket, operations)
    threading.Thread(target=_tend, args=(daemon,), name="tend", daemon=True).start()
    threading.Thread(target=_collect, args=(daemon,), name="collect", daemon=True).start()
    log.info("deployhostd %s listens on %s", deployhost.__version__, paths.control_socket)
    server.serve()


def _tend(daemon: Parts) -> None:
    """Bring things together once Docker and the proxy answer; only then is the queue worked on. Then keep them so."""
    telling = daemon.troubles
    telling.went_well("starting what plans builds", daemon.planner.warm, shown=False)
    while not telling.went_well("waiting to begin", lambda: _begin(daemon)):
        time.sleep(RETRY)
    threading.Thread(target=daemon.watch.run, name="watch", daemon=True).start()
    hooks, kept = _Hooks(daemon.repositories), -KEEP
    while True:
        telling.went_well("refreshing hooks", hooks.refresh)
        telling.went_well("converging", lambda: _converge(daemon))
        telling.went_well("finishing removals", daemon.remover.retry)
        telling.went_well("isolating", daemon.isolation.follow)
        if time.monotonic() - kept >= KEEP:
            kept = time.monotonic()
            telling.went_well("keeping", daemon.converge.keep)
        time.sleep(LOOK)


def _collect(daemon: Parts) -> None:
    """Free the registry of what nobody needs, once it is time for that; it may take minutes, and so has a thread of its own."""
    telling = daemon.troubles
    while True:
        telling.went_well("collecting the registry", daemon.registry.run_if_due)
        time.sleep(COLLECT)


def _begin(daemon: Parts) -> None:
    daemon.converge.run(hurry=True)
    daemon.remover.resume()
    daemon.workers.open()


def _converge(daemon: Parts) -> None:
    daemon.converge.run()
    daemon.workers.open()  # what is begun again waits for a worker


class _Hooks:
    """Sees to it that apps that are written into apps.yml by hand get their repository and hook."""

    def __init__(self, repositories: Repositories) -> None:
        self._repositories = repositories
        self._seen: object = ()

    def refresh(self) -> None:
        """See to all apps if apps.yml was written since the last time, or a removal has ended."""
        now = self._repositories.state()
        if now == self._seen:
            return
        try:
            self._repositories.refresh()
        except InvalidConfig:
            self._seen = now  # what can't be read is told, and looked at again once it is mended
            raise
        self._seen = now
