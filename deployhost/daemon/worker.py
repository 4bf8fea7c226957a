"""Workers: one thread per app with something to do, one deploy at a time per app."""

import logging
import threading
from collections.abc import Callable

from deployhost.deploy.queue import next_of
from deployhost.journal.deploys import Deploys
from deployhost.model import AppName, Deploy

log = logging.getLogger(__name__)


class Workers:
    """Given the journal and what runs a deploy, run what is queued. Nothing runs before `open` was called."""

    def __init__(self, deploys: Deploys, run: Callable[[Deploy], object], ended: Callable[[], None]) -> None:
        self._deploys = deploys
        self._run = run
        self._ended = ended
        self._lock = threading.Lock()
        self._busy: set[AppName] = set()
        self._opened = False

    def open(self) -> None:
        """Begin: recovery is done, the queue may be worked on."""
        with self._lock:
            self._opened = True
        for app in {deploy.app for deploy in self._deploys.open()}:
            self.wake(app)

    def wake(self, app: AppName) -> None:
        """Given an app, have a worker look at its queue."""
        with self._lock:
            if not self._opened or app in self._busy:
                return
            self._busy.add(app)
        threading.Thread(target=self._work, args=(app,), name=f"worker-{app}", daemon=True).start()

    def _work(self, app: AppName) -> None:
        while True:
            with self._lock:
                # Looked at under the lock that `wake` takes: what is queued after this look starts a worker of its own.
                deploy = next_of(item for item in self._deploys.open() if item.app == app)
                if deploy is None:
                    self._busy.discard(app)
                    return
            try:
                self._run(deploy)
            except Exception:
                # The journal itself failed (a full disk): leave the deploy queued or running for recovery.
                log.exception("deploy %d of %s could not be carried out", deploy.id, app)
                with self._lock:
                    self._busy.discard(app)
                return
            finally:
                self._ended()
