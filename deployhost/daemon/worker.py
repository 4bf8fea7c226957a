"""Workers: one thread per app with something to do, one deploy at a time per app."""

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from deployhost.daemon.troubles import Troubles
from deployhost.deploy.queue import next_of
from deployhost.errors import NotFound
from deployhost.journal.deploys import Deploys
from deployhost.model import AppName, Deploy
from deployhost.system.clock import Clock

log = logging.getLogger(__name__)


RETRY = 5.0  # seconds between attempts to bring a deploy in order whose outcome could not be written


@dataclass
class Workers:
    """Runs what is queued, once `open` was called. `run` carries a deploy out, `mend` sees to one that broke off.

    Whatever is raised for one app is in `troubles`, and the other apps' workers are not concerned.
    """

    deploys: Deploys
    run: Callable[[Deploy], None]
    mend: Callable[[Deploy], None]
    ended: Callable[[], None]
    clock: Clock
    troubles: Troubles
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    # The deploy that each app's worker is at.
    _busy: dict[AppName, int | None] = field(default_factory=dict, init=False)
    _opened: bool = field(default=False, init=False)

    def open(self) -> None:
        """Begin: everything is brought together, the queue may be worked on. Called again, look whether somebody forgot to wake us."""
        with self._lock:
            self._opened = True
        for app in {deploy.app for deploy in self.deploys.open()}:
            self.wake(app)

    def wake(self, app: AppName) -> None:
        """Have a worker look at an app's queue."""
        with self._lock:
            if not self._opened or app in self._busy:
                return
            self._busy[app] = None
        thread = threading.Thread(target=self._work, args=(app,), name=f"worker-{app}", daemon=True)
        if not self.troubles.went_well(f"starting a worker for {app}", thread.start):
            self._leave(app)  # there may be too many threads just now; `open` tries again

    def works_on(self, number: int) -> bool:
        """Return whether a worker is at a deploy just now."""
        with self._lock:
            return number in self._busy.values()

    def _work(self, app: AppName) -> None:
        if not self.troubles.went_well(f"working on the deploys of {app}", lambda: self._work_off(app)):
            self._leave(app)

    def _leave(self, app: AppName) -> None:
        with self._lock:
            self._busy.pop(app, None)

    def _work_off(self, app: AppName) -> None:
        while True:
            with self._lock:
                # Looked at under the lock that `wake` takes: what is queued after this look starts a worker of its own.
                deploy = next_of(item for item in self.deploys.open() if item.app == app)
                if deploy is None:
                    del self._busy[app]
                    return
                self._busy[app] = deploy.id
            try:
                self.run(deploy)
            except Exception:
                # The journal can't be written (a full disk), or the like: the deploy must not be "running" for ever.
                log.exception("deploy %d of %s broke off", deploy.id, app)
                self._mend_until_done(deploy)
            finally:
                self.ended()

    def _mend_until_done(self, deploy: Deploy) -> None:
        def mend() -> None:
            with contextlib.suppress(NotFound):  # the app was removed
                self.mend(deploy)

        self.clock.sleep(RETRY)
        while not self.troubles.went_well(f"bringing deploy {deploy.id} of {deploy.app} in order", mend):
            self.clock.sleep(RETRY)
