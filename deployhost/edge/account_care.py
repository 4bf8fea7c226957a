"""Keeps right what is known of the account at Cloudflare, and where the tunnel leads to: a look each hour, and when something changes here."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from deployhost.config.server import ServerSettings
from deployhost.edge import connection as files
from deployhost.edge import refusals
from deployhost.edge.account import EdgeAccount, EdgeAccounts, IngressRule
from deployhost.edge.account_plan import LOOK, REFUSED, RETRY, AccountSeen, due_for_zones, findings, with_zones
from deployhost.edge.connect_plan import rules_for
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.connection_now import ConnectionNow
from deployhost.edge.records_state import pause_of
from deployhost.edge.records_wish import WishReader
from deployhost.edge.rights import is_account_token
from deployhost.edge.zones_plan import zone_of
from deployhost.errors import ConnectionRefused, DeployhostError
from deployhost.model import Domain
from deployhost.paths import Paths
from deployhost.steps import Finding
from deployhost.system.clock import Clock

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class AccountCare:
    """Sees to the token, the zones and the tunnel's rules.

    `proxy_port` returns the port of loopback at which kamal-proxy is reached just now, or None: the tunnel is never led to where
    nobody answers, as after http_port was changed in server.yml and before set-up.
    """

    paths: Paths
    cloudflare_connection: ConnectionNow
    cloudflare: EdgeAccounts
    settings: ServerSettings
    wishes: WishReader
    proxy_port: Callable[[], int | None]
    clock: Clock
    _one: threading.Lock = field(default_factory=threading.Lock, init=False)
    _seen: AccountSeen | None = field(default=None, init=False)
    # Domains that no zone covers, each with since when it is wanted.
    _uncovered: dict[Domain, float] = field(default_factory=dict, init=False)

    def follow(self) -> None:
        """Look at the account if it is time. Raise FileProblem if the journal can't be read."""
        connection = self.cloudflare_connection.now()
        if connection is not None and self._is_due(connection):
            self.look()

    def look(self) -> None:
        """Look at the account now, and mend what is not as it should be. What goes wrong is in `findings`."""
        with self._one:
            connection = self.cloudflare_connection.now()
            if connection is not None:
                self._look(connection)

    def findings(self) -> tuple[Finding, ...]:
        """Return what is wrong, without asking Cloudflare."""
        connection, seen = self.cloudflare_connection.now(), self._seen
        if connection is None:
            return ()
        pending = seen is not None and seen.problem is not None and self._rules_differ(connection, seen.rules)
        wanted = self._wanted(connection) if pending else None
        return tuple(findings(connection, seen, wanted, self.clock.time()))

    def _is_due(self, connection: CloudflareConnection) -> bool:
        seen, now = self._seen, self.clock.monotonic()
        newest = self._newest_uncovered(connection, now)
        if seen is None or not seen.is_of(connection) or seen.again_at <= now:
            return True
        if seen.problem is not None:
            return False
        return due_for_zones(seen, newest) <= now or self._rules_differ(connection, seen.rules)

    def _newest_uncovered(self, connection: CloudflareConnection, now: float) -> float | None:
        wish = self.wishes.read()
        if wish is not None:
            uncovered = [domain for domain in wish.wanted if zone_of(connection.zones, domain) is None]
            self._uncovered = {domain: self._uncovered.get(domain, now) for domain in uncovered}
        return max(self._uncovered.values(), default=None)

    def _rules_differ(self, connection: CloudflareConnection, rules: tuple[IngressRule, ...] | None) -> bool:
        wanted = self._wanted(connection)
        return wanted is not None and rules != wanted and self._answers(wanted)

    def _wanted(self, connection: CloudflareConnection) -> tuple[IngressRule, ...] | None:
        try:
            port = self.settings.current().http_port
        except DeployhostError:
            return None  # a mistake in server.yml, which others tell
        return rules_for(connection.webhook_host, str(self.paths.webhook_socket), port)

    def _answers(self, rules: tuple[IngressRule, ...]) -> bool:
        try:
            port = self.proxy_port()
        except DeployhostError:
            return False
        return rules[-1].service == f"http://127.0.0.1:{port}"

    def _look(self, connection: CloudflareConnection) -> None:
        before = self._seen if self._seen is not None and self._seen.is_of(connection) else None
        now = self.clock.monotonic()
        seen = AccountSeen(
            connection=connection, at=now, again_at=now + LOOK, rules=None if before is None else before.rules
        )
        try:
            with self.cloudflare.opened(connection.token) as account:
                connection = self._known(account, connection)
                rules = account.ingress(connection.account_id, connection.tunnel_id)
                seen = replace(seen, rules=rules)
                if self._rules_differ(connection, rules):
                    seen = replace(seen, rules=self._led(account, connection) or rules)
        except DeployhostError as error:
            wait = max(REFUSED if isinstance(error, ConnectionRefused) else RETRY, pause_of(error))
            seen = replace(seen, problem=error, again_at=now + wait)
            if before is None or before.problem is None or before.problem.message != error.message:
                log.warning("looking at the account at Cloudflare: %s", error.message)
        self._seen = seen

    def _known(self, account: EdgeAccount, connection: CloudflareConnection) -> CloudflareConnection:
        """Return the connection with what its token and its zones are now, having written it down."""
        state = account.verify(connection.account_id if is_account_token(connection.token) else "")
        refusals.check_usable(state, connection.token)
        zones = with_zones(connection, account.zones())
        now = replace(connection, expires_on=state.expires_on, zones=zones)
        if now != connection and files.refresh(self.paths, connection, now):
            new = sorted({zone.name for zone in zones} - {zone.name for zone in connection.zones})
            log.info("the account at Cloudflare has changed%s", f": new zones {', '.join(new)}" if new else "")
            return now
        return connection

    def _led(self, account: EdgeAccount, connection: CloudflareConnection) -> tuple[IngressRule, ...] | None:
        """Lead the tunnel to where it is to lead, and return its rules, or None if the connection is another one by now."""
        with self.cloudflare_connection.in_use(connection) as still:
            wanted = self._wanted(connection)
            if not still or wanted is None or not self._answers(wanted):
                return None
            account.put_ingress(connection.account_id, connection.tunnel_id, wanted)
            log.info("the tunnel leads to %s", wanted[-1].service)
            return wanted
