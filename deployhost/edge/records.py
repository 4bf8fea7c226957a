"""The DNS records of the apps' domains: seen to when apps.yml changes, each hour, and each minute while something fails.

All of it is the daemon's, a zone at a time under one lock. What is known of the zones is kept in memory: a new daemon looks.
"""

import contextlib
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from deployhost.config.app import AppConfig
from deployhost.edge.account import EdgeAccount, EdgeAccounts
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.connection_now import ConnectionNow
from deployhost.edge.records_act import ZoneOutcome, see_to_zone
from deployhost.edge.records_plan import RecordsFacts, foreign, impossible
from deployhost.edge.records_scope import given_up_of, key_of, of_zone, server_of, share_of
from deployhost.edge.records_state import DomainState, Known, Standing, ZoneSeen, pause_of, why_of
from deployhost.edge.records_wish import Wish, WishReader
from deployhost.edge.zones_plan import Zone, zone_of
from deployhost.errors import DeployhostError, ProviderUnavailable
from deployhost.journal.given_up import GivenUp
from deployhost.model import AppName, Domain
from deployhost.steps import Finding
from deployhost.system.clock import Clock

RETRY = 60.0  # seconds until what failed is tried again
REFUSED = 300.0  # seconds until it is looked whether a person has made room for a domain that was refused
FULL = 3600.0  # seconds until a zone in which all is well is looked at again
JITTER = 0.1  # the part of these by which servers and zones differ
PATIENCE = 15.0  # seconds that a command waits for its turn
FOR_EVER = -1.0  # whoever has the turn waits for Cloudflare until a time limit


@dataclass(kw_only=True)
class DomainRecords:
    """Has the domains of apps.yml lead to this server, and says how that stands."""

    cloudflare_connection: ConnectionNow
    wishes: WishReader
    cloudflare: EdgeAccounts
    given_up: GivenUp
    clock: Clock
    patience: float = PATIENCE
    _one: threading.Lock = field(default_factory=threading.Lock, init=False)
    _zones: dict[str, ZoneSeen] = field(default_factory=dict, init=False)

    def follow(self) -> None:
        """See to the zones for which it is time. Raise FileProblem if the journal can't be read."""
        found = self._wanted()
        if found is not None:
            connection, wish = found
            due = [zone for zone in connection.zones if self._is_due(connection, zone, wish)]
            self._see_to(connection, due, patience=FOR_EVER)

    def check(self) -> None:
        """See to all zones in which there is anything for this server, now. Raise as `follow`."""
        found = self._wanted()
        if found is not None:
            connection, wish = found
            self._see_to(connection, [zone for zone in connection.zones if self._concerns(connection, zone, wish)])

    def admit(
        self, app: AppName, domains: Iterable[Domain], *, replace: bool = False, hint: str = ""
    ) -> DeployhostError | None:
        """Return why Cloudflare can't tell just now whether an app may have domains, or None if it may.

        Raise Conflict for a name with somebody else's record, unless that is to be replaced, and for the webhook's; InvalidRequest
        for a name that no certificate covers. `hint` is the command that takes such a record, where it is another one.
        """
        connection = self.cloudflare_connection.now()
        if connection is None:
            return None
        server = server_of(connection)
        covered = {domain: zone for domain in domains if (zone := zone_of(connection.zones, domain)) is not None}
        for domain in covered:
            if (refusal := impossible(server, domain, app)) is not None:
                raise refusal.raised()
        if replace or not covered:
            return None
        refused = None
        try:
            with self._alone(), self.cloudflare.opened(connection.token) as account:
                for domain, zone in covered.items():
                    refused = refused or foreign(server, domain, app, account.records(zone.id, name=domain))
        except DeployhostError as error:
            return error
        if refused is not None:
            raise refused.raised(hint or refused.fix)
        return None

    def settle(
        self, domains: Collection[Domain], *, replace: bool = False, problem: DeployhostError | None = None
    ) -> None:
        """See at once to the zones of domains whose wish has changed; what fails is tried again later, and `states` has it.

        With `replace` their other records are given up. With a `problem` Cloudflare is not asked again just now.
        Raise FileProblem.
        """
        found = self._wanted()
        if found is None:
            return
        connection, wish = found
        zones = {zone_of(connection.zones, domain) for domain in domains}
        concerned = [zone for zone in connection.zones if zone in zones]
        if replace:
            self.given_up.add(given_up_of(connection, wish, domains))
        if problem is None:
            self._see_to(connection, concerned)
        else:
            self._put_off(connection, concerned, wish, problem)

    @property
    def connected(self) -> bool:
        """Return whether Cloudflare is connected."""
        return self.cloudflare_connection.now() is not None

    def states(self, app: AppName, domains: Iterable[Domain]) -> list[DomainState]:
        """Return how it stands with domains that an app has in apps.yml."""
        known = self._known(self.cloudflare_connection.now())
        return [known.state(app, domain) for domain in domains]

    def public(self, app: AppName, domains: Iterable[Domain]) -> list[Domain]:
        """Return those of an app's domains that are served with TLS at Cloudflare, or will be as soon as it answers."""
        ways = (Standing.PRESENT, Standing.WAITING)
        return [state.domain for state in self.states(app, domains) if state.standing in ways]

    def owned(self, config: AppConfig) -> list[Domain]:
        """Return the names of the records that an app has, as far as that is known without asking."""
        if self.cloudflare_connection.now() is None:
            return []
        seen = (name for zone in list(self._zones.values()) for name in zone.outcome.names_of(config.name))
        return list(dict.fromkeys([*self.public(config.name, config.domains), *seen]))

    def undeleted(self, names: Iterable[Domain]) -> list[str]:
        """Return a note on each of the names that no app has any more and whose record may still be there."""
        found = self._wanted()
        if found is None:
            return []
        connection, wish = found
        errors = {name: self._known(connection).trouble(name) for name in names if name not in wish.wanted}
        return [
            f"the DNS record of {name} is deleted as soon as Cloudflare allows it: {why_of(error)}"
            for name, error in errors.items()
            if error is not None
        ]

    def findings(self) -> tuple[Finding, ...]:
        """Return what is wrong with the records, without asking Cloudflare. Raise FileProblem if the journal can't be read."""
        found = self._wanted()
        return (
            *self.cloudflare_connection.findings(),
            *(() if found is None else self._known(found[0]).findings(found[1])),
        )

    def _known(self, connection: CloudflareConnection | None) -> Known:
        return Known(server=None if connection is None else server_of(connection), zones=dict(self._zones))

    def _wanted(self) -> tuple[CloudflareConnection, Wish] | None:
        connection = self.cloudflare_connection.now()
        wish = None if connection is None else self.wishes.read()
        return None if connection is None or wish is None else (connection, wish)

    def _is_due(self, connection: CloudflareConnection, zone: Zone, wish: Wish) -> bool:
        seen = self._zones.get(zone.id)
        if seen is None or seen.key != key_of(connection, zone, wish, seen.outcome.found):
            return True
        return seen.again_at <= self.clock.monotonic()

    def _concerns(self, connection: CloudflareConnection, zone: Zone, wish: Wish) -> bool:
        seen = self._zones.get(zone.id)
        return seen is None or bool(seen.outcome.found) or bool(of_zone(connection, zone, wish))

    def _see_to(
        self,
        connection: CloudflareConnection,
        zones: Sequence[Zone],
        *,
        patience: float | None = None,
    ) -> None:
        """See to zones, one after the other. Where Cloudflare does not answer, it is not asked about the others either."""
        if not zones:
            return
        left = list(zones)
        try:
            with self.cloudflare.opened(connection.token) as account:
                while left:
                    with self._alone(patience):
                        problem = self._zone(account, connection, left[0])
                    left.pop(0)
                    if isinstance(problem, ProviderUnavailable):
                        raise problem
        except DeployhostError as error:
            found = self._wanted()
            if found is not None:
                self._put_off(connection, left, found[1], error)

    def _zone(self, account: EdgeAccount, connection: CloudflareConnection, zone: Zone) -> DeployhostError | None:
        """See to a zone and note how that went; return the error after which Cloudflare was not asked any more."""
        with self.cloudflare_connection.in_use(connection) as still:
            wish = self.wishes.read() if still else None
            if wish is None:
                return None  # whoever comes next goes by what is there then
            return self._seen_to(account, connection, zone, wish)

    def _seen_to(
        self, account: EdgeAccount, connection: CloudflareConnection, zone: Zone, wish: Wish
    ) -> DeployhostError | None:
        wanted = of_zone(connection, zone, wish)
        given_up = self.given_up.of_zone(zone.id)
        valid = {one.domain for one in given_up if wanted.get(one.domain) == one.app}
        facts = RecordsFacts(
            server=server_of(connection),
            zone=zone,
            wanted=wanted,
            records=(),
            replace=frozenset(valid),
            unread=wish.unread,
        )
        try:
            outcome = see_to_zone(account, facts, lambda apps: self.wishes.unknown(wish, apps))
        except DeployhostError as error:
            self._put_off(connection, [zone], wish, error)
            return error
        present = frozenset(wanted) - set(outcome.refused) - {Domain(name) for name in outcome.failed if name in wanted}
        others = [name for name in outcome.refused if not impossible(facts.server, name, wanted[name])]
        wait = RETRY if outcome.failed else REFUSED if others else FULL
        self._zones[zone.id] = ZoneSeen(
            key=key_of(connection, zone, wish, outcome.found),
            again_at=self._again_at(connection, zone, wait, outcome.stopped),
            outcome=outcome,
            present=present,
        )
        over = present.union(outcome.refused)
        self.given_up.forget(
            [
                one.domain
                for one in given_up
                if one.domain in over or (one.domain not in valid and one.domain not in wish.unread)
            ]
        )
        return outcome.stopped

    def _put_off(
        self, connection: CloudflareConnection, zones: Iterable[Zone], wish: Wish, problem: DeployhostError
    ) -> None:
        """Note that zones could not be looked at. One in which there is nothing for this server has time."""
        for zone in zones:
            seen = self._zones.get(zone.id)
            outcome = ZoneOutcome(found={}) if seen is None else seen.outcome
            new = (seen is None or seen.problem is not None) and isinstance(problem, ProviderUnavailable)
            wait = RETRY if new or outcome.found or of_zone(connection, zone, wish) else FULL
            self._zones[zone.id] = ZoneSeen(
                key=key_of(connection, zone, wish, outcome.found),
                again_at=self._again_at(connection, zone, wait, problem),
                outcome=outcome,
                present=frozenset() if seen is None else seen.present,
                problem=problem,
            )

    def _again_at(
        self, connection: CloudflareConnection, zone: Zone, wait: float, problem: DeployhostError | None
    ) -> float:
        """Return when a zone is to be seen to again: after some seconds, and not before Cloudflare's pause is over."""
        return self.clock.monotonic() + max(wait * (1 - JITTER * share_of(connection, zone)), pause_of(problem))

    @contextlib.contextmanager
    def _alone(self, patience: float | None = None) -> Iterator[None]:
        """Have the records to oneself. Raise ProviderUnavailable if somebody else waits for Cloudflare all the time."""
        if not self._one.acquire(timeout=self.patience if patience is None else patience):
            raise ProviderUnavailable("Cloudflare has not answered an earlier request yet")
        try:
            yield
        finally:
            self._one.release()
