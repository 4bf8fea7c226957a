"""Leaving Cloudflare alone for as long as it asks for: who goes on asking is kept out for longer."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from deployhost.edge.account import EdgeAccount, EdgeAccounts
from deployhost.errors import ProviderUnavailable
from deployhost.model import Secret
from deployhost.steps import Recorder, Step
from deployhost.system.clock import Clock


@dataclass(kw_only=True)
class PatientAccounts:
    """Opens accounts (account.py). After "too many requests" one is not opened again with that token until the pause is over."""

    accounts: EdgeAccounts
    clock: Clock
    _pauses: dict[Secret, float] = field(default_factory=dict, init=False)  # until when, by the monotonic clock

    def ready(self, recorder: Recorder, *, dry_run: bool) -> AbstractContextManager[tuple[Step, ...]]:
        """Have what accounts are asked with, as EdgeAccounts does."""
        return self.accounts.ready(recorder, dry_run=dry_run)

    @contextlib.contextmanager
    def opened(self, token: Secret) -> Iterator[EdgeAccount]:
        """Open the account of a token for one piece of work. Raise ProviderUnavailable during a pause."""
        left = self._pauses.get(token, 0.0) - self.clock.monotonic()
        if left > 0:
            raise ProviderUnavailable(
                f"Cloudflare has had too many requests from this account: it is not asked for {left:.0f} s",
                retry_after=left,
            )
        self._pauses.pop(token, None)
        try:
            with self.accounts.opened(token) as account:
                yield account
        except ProviderUnavailable as error:
            if error.retry_after:
                self._pauses[token] = self.clock.monotonic() + error.retry_after
            raise
