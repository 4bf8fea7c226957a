"""Taking the server off its account at Cloudflare: what was made goes, whether here or there; apps keep running."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from deployhost.edge import connect_steps, connection, refusals
from deployhost.edge.account import EdgeAccount, EdgeAccounts
from deployhost.edge.connect_act import EdgeActor
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.ownership import comment_start
from deployhost.errors import ConnectionRefused, ProviderRefused, ProviderUnavailable
from deployhost.paths import Paths
from deployhost.server import steps
from deployhost.server.act_tunnel import TunnelActor
from deployhost.server.facts import install_record
from deployhost.server.facts_tunnel import PACKAGE, TUNNEL, TunnelSetupFiles
from deployhost.server.plan_disconnect import DisconnectFacts, plan_disconnect
from deployhost.steps import Acts, Plan, Recorder, apply
from deployhost.system import packages
from deployhost.system.process import OnLine
from deployhost.system.services import Services

AGAIN = "deployhost disconnect cloudflare"
ROUNDS = 3  # the daemon may have been at a record when the first one began


@dataclass(frozen=True, kw_only=True)
class Disconnecting:
    """Takes the server off its account. `log` gets each line that a program writes."""

    paths: Paths
    services: Services
    accounts: EdgeAccounts
    log: OnLine
    actor: Callable[..., TunnelActor] = TunnelActor

    def plan(self, recorder: Recorder, *, dry_run: bool = False) -> Plan:
        """Return what would be done; nothing where the server is not connected. Raise ProviderUnavailable, ProviderRefused.

        What the account is asked with is obtained where it is missing, and told to the recorder.
        """
        saved = self._saved()
        if saved is None:
            return Plan()
        with self._opened(saved, recorder, dry_run=dry_run) as account:
            return plan_disconnect(self._facts(account, saved))

    def run(self, recorder: Recorder) -> Plan:
        """Remove what was made and return what was done. The caller holds the lock of set-up.

        A run that was interrupted is finished by the next one. Raise ProviderUnavailable, ProviderRefused, SetupFailed.
        """
        saved = self._saved()
        if saved is None:
            return Plan()
        with self._opened(saved, recorder, dry_run=False) as account:
            actor = self.actor(paths=self.paths, services=self.services, log=self.log)
            acts: Acts = {
                **EdgeActor(paths=self.paths, account=account).acts,
                **actor.removals,
                steps.RemoveService: lambda step: self.services.remove(step.name),
                steps.UninstallFiles: actor.delete_files,
            }
            first = plan = plan_disconnect(self._facts(account, saved))
            for _ in range(ROUNDS):
                before = tuple(one for one in plan if not isinstance(one, connect_steps.ForgetConnection))
                if not before:
                    break
                apply(Plan(before), acts, recorder)
                # Until it was set aside, the daemon may have found zones and written them down.
                plan = plan_disconnect(self._facts(account, self._saved() or saved))
            apply(Plan(plan.steps[-1:]), acts, recorder)
        return first

    @contextlib.contextmanager
    def _opened(self, saved: CloudflareConnection, recorder: Recorder, *, dry_run: bool) -> Iterator[EdgeAccount]:
        """Open the account. What it does not answer or refuses names this command, and not the one that connects."""
        try:
            with self.accounts.ready(recorder, dry_run=dry_run), self.accounts.opened(saved.token) as account:
                yield account
        except (ConnectionRefused, ProviderRefused, ProviderUnavailable) as error:
            if error.hint == refusals.AGAIN:
                error.hint = AGAIN
            raise

    def _saved(self) -> CloudflareConnection | None:
        return connection.load(self.paths) or connection.leaving(self.paths)

    def _facts(self, account: EdgeAccount, saved: CloudflareConnection) -> DisconnectFacts:
        record, places = packages.read_record(install_record(self.paths)), TunnelSetupFiles(self.paths)
        here = DisconnectFacts(
            saved=saved,
            set_aside=connection.load(self.paths) is None,
            service=self.services.definition(TUNNEL) is not None,
            packages=tuple(name for name in record.packages if name == PACKAGE),
            files=tuple(path for path in (places.source, places.key) if str(path) in record.files and path.exists()),
        )
        return _with_account(here, account)


def _with_account(here: DisconnectFacts, account: EdgeAccount) -> DisconnectFacts:
    """Return the facts with what there is at Cloudflare, or why it can't be seen."""
    saved = here.saved
    start = comment_start(saved.server_id)
    try:
        tunnel = account.tunnel(saved.account_id, saved.tunnel_id)
        # One that was taken off the account answers as if the token had no right to it.
        seen = {zone.id for zone in account.zones()}
        there = tuple(zone for zone in saved.zones if zone.id in seen)
        records = tuple((zone.id, one) for zone in there for one in account.records(zone.id, comment_starts=start))
    except ConnectionRefused as error:
        return replace(here, refused=error.message)
    return replace(
        here,
        tunnel=tunnel is not None and not tunnel.deleted,
        records=records,
        gone=tuple(zone.name for zone in saved.zones if zone not in there),
    )
