"""Which apps' repositories are to be looked at: each by one thread at a time, few at once, and whoever asks waits for nothing."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from deployhost.errors import DeployhostError
from deployhost.github.delivery_plan import LookAt
from deployhost.github.delivery_rate import DeliveryRate
from deployhost.github.look_plan import HEADS, PushHint
from deployhost.journal.sources import Sources
from deployhost.model import AppName, Branch, Deploy, Sha
from deployhost.system.clock import Clock

AT_ONCE = 4  # looks, while GitHub may be slow
SLOW, SLOW_AT_ONCE = 5.0, 2  # seconds after which a look was slow, and how many of those whose last one was
URGENT = 4  # more of them, for what GitHub has just told


@dataclass
class LookQueue:
    """Looks at repositories in threads of its own. An app that is asked for while it waits is looked at once.

    A look that is asked for while one is under way comes after it: what it is about may be newer.
    `went_well` does something and keeps its error for `status` until it goes well. `branch` returns the branch of an app, None if it is not known.
    """

    look: Callable[[AppName, PushHint | None], Deploy | None]
    sources: Sources
    went_well: Callable[[str, Callable[[], object]], bool]
    delivery_rate: DeliveryRate
    branch: Callable[[AppName], Branch | None]
    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    # What waits: the newest hint of each app, or None to ask GitHub.
    _waiting: dict[AppName, PushHint | None] = field(default_factory=dict, init=False)
    _busy: set[AppName] = field(default_factory=set, init=False)
    _slow: set[AppName] = field(default_factory=set, init=False)

    def ask(self, app: AppName, hint: PushHint | None = None) -> None:
        """Have an app's repository looked at soon."""
        with self._lock:
            before = self._waiting.get(app, hint)
            # Two branches, or one and all of it: GitHub is asked.
            same = before is not None and hint is not None and before.branch == hint.branch
            self._waiting[app] = hint if same else None
            self._begin()

    def take(self, wanted: LookAt) -> None:
        """Have the apps looked at that a delivery concerns.

        Of a push, an app of that branch needs no question to GitHub before it fetches, and one of another branch no look.
        What comes too often is left to the look of every minute.
        """
        if wanted.repository is None:
            # What the App may see has changed; so may, by a transfer, which App sees it.
            concerned, hint = self.sources.all(), None
        else:
            concerned, hint = self.sources.of_repository(wanted.repository), push_hint(wanted)
        for pinned in concerned:
            told = hint if hint is not None and hint.is_of(pinned) else None
            if told is not None and self._of_another_branch(pinned.app, told):
                continue
            if self.delivery_rate.allows(pinned.app, None if told is None else told.branch):
                self.ask(pinned.app, told)

    def _of_another_branch(self, app: AppName, hint: PushHint) -> bool:
        try:
            return self.branch(app) not in (hint.branch, None)
        except DeployhostError:
            return False  # the look says what is wrong

    @property
    def idle(self) -> bool:
        """Return whether nothing waits and no look is under way."""
        with self._lock:
            return not self._waiting and not self._busy

    def _begin(self) -> None:
        """Start what waits, as far as there is room. The lock is held."""
        for app in [one for one in self._waiting if one not in self._busy]:
            if self._has_room(app):
                self._busy.add(app)
                hint = self._waiting.pop(app)
                thread = threading.Thread(target=self._run, args=(app, hint), name=f"look-{app}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # there are too many threads just now: whoever asks next begins it
                    self._busy.discard(app)
                    self._waiting[app] = hint
                    return

    def _has_room(self, app: AppName) -> bool:
        if self._waiting[app] is not None:
            return len(self._busy) < AT_ONCE + URGENT
        # A GitHub of a company's that does not answer is not to keep all others waiting.
        slow = app in self._slow and len(self._busy & self._slow) >= SLOW_AT_ONCE
        return len(self._busy) < AT_ONCE and not slow

    def _run(self, app: AppName, hint: PushHint | None) -> None:
        began = self.clock.monotonic()
        try:
            self.went_well(f"looking at the repository of {app}", lambda: self.look(app, hint))
        finally:
            with self._lock:
                self._busy.discard(app)
                (self._slow.add if self.clock.monotonic() - began > SLOW else self._slow.discard)(app)
                self._begin()


def push_hint(wanted: LookAt) -> PushHint | None:
    """Return what a delivery says of a push, or None if it is not the push of a commit to a branch."""
    name, after = wanted.ref.removeprefix(HEADS), wanted.after
    pushed = wanted.ref.startswith(HEADS) and Branch.pattern.fullmatch(name) and Sha.pattern.fullmatch(after)
    if wanted.repository is None or not pushed or not after.strip("0"):
        return None
    return PushHint(connection=wanted.connection, repository=wanted.repository, branch=Branch(name), after=Sha(after))
