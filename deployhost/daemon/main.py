"""The entry point of deployhostd."""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

import deployhost
from deployhost.daemon.control import ControlServer
from deployhost.daemon.jobs import jobs
from deployhost.daemon.operations.table import handlers
from deployhost.daemon.parts import Parts
from deployhost.daemon.schedule import Schedule
from deployhost.daemon.schedule_plan import Lane
from deployhost.errors import DeployhostError
from deployhost.paths import Paths
from deployhost.system import files
from deployhost.system.memory import use_few_arenas

LOCK_TIMEOUT = 5.0  # seconds for a daemon that is just being stopped
RETRY = 1.0  # seconds between attempts to begin while Docker or the proxy does not answer yet
log = logging.getLogger(__name__)


def main() -> None:
    """Run until a signal ends it. It may be killed at any moment: all that matters is in the journal."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # nothing to tidy up that a kill -9 would not leave as well
    os.umask(0o022)
    use_few_arenas()  # before there are threads
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
    _prepare(daemon)
    server = ControlServer(paths.control_socket, operations)
    schedule = Schedule(jobs=jobs(daemon), troubles=daemon.troubles, runs=daemon.runs, clock=daemon.clock)
    threading.Thread(target=_tend, args=(daemon, schedule), name="tend", daemon=True).start()
    # What frees a disk does not wait for an engine that does not answer, perhaps since that disk is full.
    threading.Thread(target=schedule.run, args=(Lane.SLOW,), name="slow-jobs", daemon=True).start()
    threading.Thread(target=schedule.run, args=(Lane.NETWORK,), name="network-jobs", daemon=True).start()
    threading.Thread(target=daemon.commit_statuses.run, name="statuses", daemon=True).start()
    threading.Thread(target=daemon.receiver.run, name="deliveries", daemon=True).start()
    threading.Thread(target=daemon.listener.run, name="listener", daemon=True).start()
    log.info("deployhostd %s listens on %s", deployhost.__version__, paths.control_socket)
    server.serve()


def _prepare(daemon: Parts) -> None:
    """See to settings and repositories before anybody pushes. What goes wrong is one app's, or a mistake in apps.yml; a job tries again."""
    daemon.troubles.went_well("keeping what builds could use before an upgrade", daemon.lending_upgrade.keep)
    daemon.troubles.went_well("sweeping up repositories", daemon.repositories.sweep)
    daemon.troubles.went_well("refreshing hooks", daemon.repositories.refresh)


def _tend(daemon: Parts, schedule: Schedule) -> None:
    """Bring things together once Docker and the proxy answer; only then is the queue worked on. Then keep them so."""
    telling = daemon.troubles
    telling.went_well("starting what plans builds", daemon.planner.warm, shown=False)
    while not telling.went_well("waiting to begin", lambda: _begin(daemon)):
        time.sleep(RETRY)
    threading.Thread(target=daemon.watch.run, name="watch", daemon=True).start()
    schedule.run(Lane.QUICK)


def _begin(daemon: Parts) -> None:
    """Bring things together and open the queue. Raise DeployhostError while the engine, the proxy or the journal does not answer.

    A defect of ours must not keep all apps from being deployed: it is told, and jobs try again.
    """
    for what, act in (
        ("converging", lambda: daemon.converge.run(hurry=True)),
        ("finishing removals", daemon.remover.resume),
    ):
        try:
            act()
        except DeployhostError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is
            daemon.troubles.went_wrong(what, error)
    daemon.workers.open()
