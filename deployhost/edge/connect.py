"""Joining the server to an account at Cloudflare: facts → plan → act → facts, until the plan is empty."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from deployhost.config import apps
from deployhost.config import server as server_config
from deployhost.edge import connection, refusals
from deployhost.edge.account import EdgeAccount, EdgeAccounts, FoundZone, TokenState, Tunnel
from deployhost.edge.connect_act import EdgeActor
from deployhost.edge.connect_plan import (
    EdgeFacts,
    WantedEdge,
    candidates,
    check_zone,
    plan_connect,
    rules_for,
    webhook_host_of,
)
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.ownership import tunnel_name, webhook_comment
from deployhost.edge.rights import ZONES, explanation, is_account_token
from deployhost.edge.zones_plan import Zone, zone_of
from deployhost.errors import Conflict, ConnectionRefused, InvalidConfig, InvalidRequest, SetupFailed
from deployhost.model import Domain, Secret
from deployhost.paths import Paths
from deployhost.steps import Plan, Recorder, apply

AGAIN = refusals.AGAIN
ROUNDS = 2  # what a first one changed may show that more is to be done

Choose = Callable[[Sequence[Domain]], Domain | None]


@dataclass(frozen=True, kw_only=True)
class EdgeRequest:
    """What a person asks for. Without a `token` the one that is kept is used; `choose` asks which of several zones it shall be."""

    token: Secret | None = None
    zone: Domain | None = None
    http_port: int | None = None
    choose: Choose = lambda _zones: None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class EdgeReport:
    """What was done, or on a dry run would be; `connection` is what there shall be in the end."""

    plan: Plan
    connection: CloudflareConnection
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Connecting:
    """Joins the server to an account at Cloudflare, and keeps that right."""

    paths: Paths
    accounts: EdgeAccounts

    def run(self, request: EdgeRequest, recorder: Recorder) -> EdgeReport:
        """Do what is missing and return what was done. The caller holds the lock of set-up.

        Raise ConnectionRefused, ProviderRefused, ProviderUnavailable; InvalidRequest, NotFound or Conflict if what was asked for
        can't be; SetupFailed if something is still missing in the end. Nothing is changed before all was read.
        """
        saved = connection.load(self.paths)
        if connection.leaving(self.paths) is not None:
            raise Conflict(
                "this server is being disconnected from Cloudflare, which was interrupted",
                hint="deployhost disconnect cloudflare --yes",
            )
        token = request.token or (saved.token if saved is not None else None)
        if token is None:
            raise InvalidRequest(
                "connecting to Cloudflare needs a token", hint=f"{AGAIN} --token FILE", details=explanation()
            )
        ready = self.accounts.ready(recorder, dry_run=request.dry_run)
        with ready as obtained, self.accounts.opened(token) as account:
            chosen, zones, state = self._zone(account, token, saved, request)
            wanted = self._wanted(token, saved, chosen, zones, request.http_port)
            wanted = replace(wanted, connection=replace(wanted.connection, expires_on=state.expires_on))
            facts = self._facts(account, saved, wanted)
            first = plan = plan_connect(facts, wanted)
            notes = (*_expiry(state), *_moved(saved, wanted.connection))
            if not request.dry_run:
                actor = EdgeActor(paths=self.paths, account=account)
                for _ in range(ROUNDS):
                    if not plan:
                        break
                    apply(plan, actor.acts, recorder)
                    saved = connection.load(self.paths)
                    plan = plan_connect(self._facts(account, saved, wanted), wanted)
                if plan:
                    left = tuple(f"{step.what}: {step.why}" for step in plan)
                    raise SetupFailed("something at Cloudflare is still not as it should be", hint=AGAIN, details=left)
                wanted = replace(wanted, connection=connection.load(self.paths) or wanted.connection)
        return EdgeReport(plan=Plan((*obtained, *first.steps), first.notes), connection=wanted.connection, notes=notes)

    def _zone(
        self, account: EdgeAccount, token: Secret, saved: CloudflareConnection | None, request: EdgeRequest
    ) -> tuple[FoundZone, tuple[Zone, ...], TokenState]:
        """Return the zone for the webhook's host, all zones of its account, and what is said of the token."""
        state = None
        if not is_account_token(token):  # which only its account knows, and zones tell that
            state = refusals.check_usable(account.verify(), token)
        found = account.zones()
        if not found:
            raise refusals.lacks(ZONES, token, ("the token sees no zone",))
        chosen = _choose(found, saved, request)
        if state is None:
            state = refusals.check_usable(account.verify(chosen.account_id), token)
        zones = sorted(Zone(one.name, one.id) for one in found if one.account_id == chosen.account_id and one.active)
        return chosen, tuple(zones), state

    def _wanted(
        self,
        token: Secret,
        saved: CloudflareConnection | None,
        chosen: FoundZone,
        zones: tuple[Zone, ...],
        http_port: int | None,
    ) -> WantedEdge:
        settings = server_config.load(self.paths.server_yml)
        server_id = connection.known_server_id(self.paths) or connection.new_server_id()
        host = webhook_host_of(settings.webhook_host, server_id, chosen, zones)
        self._check_apps(host)
        return WantedEdge(
            connection=CloudflareConnection(
                server_id=server_id,
                token=token,
                account_id=chosen.account_id,
                account_name=chosen.account_name,
                zones=zones,
                webhook_zone=chosen.name,
                webhook_host=host,
                tunnel_id=saved.tunnel_id if saved is not None else "",
            ),
            rules=rules_for(host, str(self.paths.webhook_socket), http_port or settings.http_port),
            server_yml=str(self.paths.server_yml),
        )

    def _check_apps(self, host: Domain) -> None:
        owner = None
        with contextlib.suppress(InvalidConfig):  # the daemon reports it
            owner = apps.load(self.paths.apps_yml).owner(host)
        if owner is not None:
            raise Conflict(
                f"{host} is a domain of the app {owner}, so it can't be the webhook's host",
                hint=f"deployhost domains remove {owner} {host}",
            )

    def _facts(self, account: EdgeAccount, saved: CloudflareConnection | None, wanted: WantedEdge) -> EdgeFacts:
        shall = wanted.connection
        tunnel = _find_tunnel(account, shall, saved)
        zone = zone_of(shall.zones, shall.webhook_host)
        before = zone_of(shall.zones, saved.webhook_host) if saved is not None else None
        looked_at = {one.id for one in (zone, before) if one is not None}
        comment = webhook_comment(shall.server_id)
        return EdgeFacts(
            server_id=shall.server_id,
            server_id_kept=connection.server_id_kept(self.paths),
            saved=saved,
            saved_tunnel_token=connection.tunnel_token(self.paths),
            tunnel=tunnel,
            joins=None if tunnel is None else account.tunnel_token(shall.account_id, tunnel.id),
            ingress=() if tunnel is None else account.ingress(shall.account_id, tunnel.id),
            at_host=() if zone is None else account.records(zone.id, name=shall.webhook_host),
            ours=tuple((id_, one) for id_ in sorted(looked_at) for one in account.records(id_, comment_starts=comment)),
        )


def _find_tunnel(
    account: EdgeAccount, shall: CloudflareConnection, saved: CloudflareConnection | None
) -> Tunnel | None:
    """Return the server's tunnel: by its id where that is known, else by its name."""
    if saved is not None and saved.tunnel_id:
        # Not every token sees every tunnel in a list, so that what is missing there may well exist.
        found = account.tunnel(shall.account_id, saved.tunnel_id)
        if found is not None and not found.deleted:
            return found
    named = account.tunnels(shall.account_id, tunnel_name(shall.server_id))
    return next((one for one in named if not one.deleted), None)


def _choose(found: Sequence[FoundZone], saved: CloudflareConnection | None, request: EdgeRequest) -> FoundZone:
    if request.zone is not None:
        return check_zone(request.zone, found, saved)
    served = candidates(found, saved)
    kept = [zone for zone in served if saved is not None and zone.name == saved.webhook_zone]
    if kept:
        return kept[0]
    if saved is not None and served:
        raise ConnectionRefused(
            f"the token does not see the zone {saved.webhook_zone} of the webhook's host any more, or Cloudflare does not serve it",
            hint=f"{AGAIN} --zone {served[0].name}",
            details=tuple(f"it sees {zone.name}" for zone in served),
        )
    if len(served) == 1:
        return served[0]
    if not served:
        seen = ", ".join(sorted(zone.name for zone in found))
        where = "" if saved is None else f" of the account {saved.account_name}"
        raise Conflict(f"the token sees no zone{where} that Cloudflare serves; it sees {seen}")
    answer = request.choose([zone.name for zone in served])
    if answer is not None:
        return check_zone(answer, found, saved)
    raise InvalidRequest(
        "the token sees several zones: choose the one for the webhook's host",
        hint=f"{AGAIN}{' --token FILE' if request.token is not None else ''} --zone {served[0].name}",
        details=tuple(zone.name for zone in served),
    )


def _moved(saved: CloudflareConnection | None, shall: CloudflareConnection) -> tuple[str, ...]:
    if saved is None or saved.webhook_host == shall.webhook_host:
        return ()
    return (f"GitHub's deliveries come to {shall.webhook_host} now; `deployhost connect github` tells GitHub",)


def _expiry(state: TokenState) -> tuple[str, ...]:
    return (f"the token expires on {state.expires_on[:10]}",) if state.expires_on else ()
