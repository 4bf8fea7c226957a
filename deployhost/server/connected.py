"""What the server is connected to, kept right by every set-up: Cloudflare's part, and the tunnel's on this machine."""

from collections.abc import Callable
from dataclasses import dataclass, field

from deployhost.edge import connection
from deployhost.edge.account import EdgeAccounts
from deployhost.edge.connect import Connecting, EdgeRequest
from deployhost.errors import (
    ConnectionRefused,
    DeployhostError,
    ProviderRefused,
    ProviderUnavailable,
    TunnelNotConnected,
)
from deployhost.paths import Paths
from deployhost.server import tunnel
from deployhost.server.tunnel import TunnelSetup
from deployhost.steps import Recorder, Step
from deployhost.system.process import OnLine
from deployhost.system.services import Services

# What keeps Cloudflare's part from being checked, and is no reason to fail a set-up whose local part is done.
AWAY = (ConnectionRefused, ProviderRefused, ProviderUnavailable)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What was done, or on a dry run would be, and what could not be checked."""

    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ConnectionKeeper:
    """Keeps right what the server is connected to. `log` gets each line that a program writes."""

    paths: Paths
    services: Services
    accounts: EdgeAccounts
    log: OnLine
    tunnel: Callable[..., TunnelSetup] = field(default_factory=lambda: tunnel.TunnelSetup)

    def keep(self, recorder: Recorder, *, http_port: int, dry_run: bool = False) -> Kept:
        """Put right what is not as it should be. The caller holds the lock of set-up, and has done all that is local.

        What can't be checked now becomes a note. Raise Conflict, InvalidRequest, SetupFailed for what a person has to mend.
        """
        if connection.load(self.paths) is None:
            return Kept()
        cloudflare = self._cloudflare(recorder, http_port, dry_run=dry_run)
        machine = self.machine(recorder, dry_run=dry_run)
        return Kept(steps=(*cloudflare.steps, *machine.steps), notes=(*cloudflare.notes, *machine.notes))

    def machine(self, recorder: Recorder, *, dry_run: bool = False) -> Kept:
        """Have cloudflared run. Where it does not connect, as without a network, that becomes a note: it keeps trying."""
        work = self.tunnel(paths=self.paths, services=self.services, log=self.log)
        try:
            plan = work.run(recorder, dry_run=dry_run)
        except TunnelNotConnected as error:
            return Kept(notes=(_sentence(error.message, error),))
        return Kept(steps=plan.steps, notes=plan.notes)

    def _cloudflare(self, recorder: Recorder, http_port: int, *, dry_run: bool) -> Kept:
        work = Connecting(paths=self.paths, accounts=self.accounts)
        try:
            report = work.run(EdgeRequest(http_port=http_port, dry_run=dry_run), recorder)
        except AWAY as error:
            return Kept(notes=(_sentence(f"what is at Cloudflare could not be checked: {error.message}", error),))
        return Kept(steps=report.plan.steps, notes=report.notes)


def _sentence(what: str, error: DeployhostError) -> str:
    return f"{what}; try: {error.hint}" if error.hint else what
