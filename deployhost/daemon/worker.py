"""Workers: one thread per app with something to do, one deploy at a time per app."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from deployhost.deploy.queue import next_of
from deployhost.errors import NotFound
from deployhost.journal.deploys import Deploys
from deployhost.model import AppName, Deploy
from deployhost.system.clock import Clock

log = logging.getLogger(__name__)


RETRY = 5.0  # seconds between attempts to bring a deploy in order whose outcome could not be written


@dataclass
class Workers:
    """Runs what is queued, once `open` was called. `run` carries a deploy out, `mend` sees to one that broke off."""

    deploys: Deploys
    run: Callable[[Deploy], None]
    mend: Callable[[Deploy], None]
    ended: Callable[[], None]
    clock: Clock
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
        threading.Thread(target=self._work, args=(app,), name=f"worker-{app}", daemon=True).start()

    def works_on(self, number: int) -> bool:
        """Return whether a worker is at a deploy just now."""
        with self._lock:
            return number in self._busy.values()

    def _work(self, app: AppName) -> None:
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
        while True:
            self.clock.sleep(RETRY)
            try:
                self.mend(deploy)
            except NotFound:
                return  # the app was removed
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may go well
                log.warning("deploy %d can't be brought in order yet: %s", deploy.id, error)
            else:
                return
