"""The entry point of deployhostd."""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

import deployhost
from deployhost.daemon.assembly import Daemon, assemble, refresh_hooks
from deployhost.daemon.control import ControlServer
from deployhost.errors import DeployhostError
from deployhost.paths import Paths
from deployhost.system import files

LOCK_TIMEOUT = 5.0  # seconds for a daemon that is just being stopped
KEEP = 10.0  # seconds between looks at what a person or a crash may have changed: routes, apps.yml
RETRY = 1.0  # seconds between attempts to recover while Docker or the proxy does not answer yet
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
    for left in paths.run.glob("switch-*.log"):
        left.unlink(missing_ok=True)
    daemon = assemble(paths)
    try:
        refresh_hooks(paths)
    except DeployhostError as error:
        # A mistake in apps.yml: every operation tells it, and the apps that run are not concerned.
        log.warning("%s", "; ".join((error.message, *error.details)))
    server = ControlServer(paths.control_socket, daemon.handlers)
    threading.Thread(target=_tend, args=(daemon, paths), name="tend", daemon=True).start()
    log.info("deployhostd %s listens on %s", deployhost.__version__, paths.control_socket)
    server.serve()


def _tend(daemon: Daemon, paths: Paths) -> None:
    _recover(daemon)
    _keep(daemon, paths)


def _recover(daemon: Daemon) -> None:
    """Bring things together once Docker and the proxy answer; only then is the queue worked on."""
    said = ""
    while True:
        try:
            daemon.recovery.run()
            daemon.remover.resume()
        except DeployhostError as error:
            if error.message != said:
                said = error.message
                log.warning("waiting to recover: %s", said)
            time.sleep(RETRY)
        except Exception:
            log.exception("recovery failed")
            time.sleep(RETRY)
        else:
            daemon.workers.open()
            return


def _keep(daemon: Daemon, paths: Paths) -> None:
    """Look every few seconds at what others may have changed: the proxy's routes, and apps that were written into apps.yml."""
    said, written = "", -1.0
    while True:
        time.sleep(KEEP)
        try:
            now = paths.apps_yml.stat().st_mtime if paths.apps_yml.exists() else 0.0
            if now != written:
                refresh_hooks(paths)
                written = now
            daemon.recovery.keep_routes()
            said = ""
        except DeployhostError as error:
            if error.message != said:
                said = error.message
                log.warning("keeping routes: %s", said)
        except Exception:
            log.exception("keeping routes failed")
