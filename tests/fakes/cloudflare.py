"""An account at Cloudflare that keeps what it is told: zones, tunnels, records, and tokens with rights."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from deployhost.edge.account import DnsRecord, EdgeAccount, FoundZone, IngressRule, TokenState, Tunnel, WantedRecord
from deployhost.errors import Conflict, ConnectionRefused, ProviderRefused
from deployhost.model import Domain, Secret
from deployhost.steps import Recorder, Step
from tests.fakes.life import Life

ACCOUNT, NAME = "acc0000000000000000000000000000a", "Example"
TOKEN = "cf-user-token-0123456789abcdef"
ZONE = "example.com"
RIGHTS = frozenset({"zones:read", "tunnels:read", "tunnels:write", "records:read", "records:write"})


@dataclass
class FakeToken:
    """A token: its rights, the zones that it sees (None: all) and what is said of it."""

    rights: frozenset[str] = RIGHTS
    zones: frozenset[str] | None = None
    status: str = "active"
    expires_on: str = ""


@dataclass
class FakeTunnel:
    """A tunnel, the token of its connectors and its rules. One that is `hidden` is in no list."""

    tunnel: Tunnel
    account_id: str
    token: str
    rules: tuple[IngressRule, ...] = ()
    hidden: bool = False


@dataclass
class FakeCloudflare:
    """What Cloudflare has. It outlives whoever asks; `calls` are the methods that were called.

    `fault` is called before and after each method ("create_record", "create_record done") and may raise.
    """

    tokens: dict[str, FakeToken] = field(default_factory=lambda: {TOKEN: FakeToken()})
    all_zones: dict[str, FoundZone] = field(default_factory=dict)
    all_tunnels: dict[str, FakeTunnel] = field(default_factory=dict)
    all_records: dict[str, dict[str, DnsRecord]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fault: Callable[[str], None] = lambda _name: None
    opened_tokens: list[str] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def zone(self, name: str = ZONE, account: str = ACCOUNT, *, active: bool = True) -> FoundZone:
        """Have a zone."""
        made = FoundZone(
            id=self._id("zone"),
            name=Domain(name),
            account_id=account,
            account_name=f"{NAME} {account[:4]}",
            active=active,
        )
        self.all_zones[made.id] = made
        self.all_records[made.id] = {}
        return made

    def record(self, zone_id: str, name: str, content: str, *, kind: str = "CNAME", comment: str = "") -> DnsRecord:
        """Have a record, whoever made it."""
        made = DnsRecord(
            id=self._id("record"), type=kind, name=name, content=content, proxied=kind != "TXT", comment=comment
        )
        self.all_records[zone_id][made.id] = made
        return made

    def tunnel(self, name: str, account: str = ACCOUNT, *, remote: bool = True, hidden: bool = False) -> FakeTunnel:
        """Have a tunnel, whoever made it."""
        made = FakeTunnel(
            Tunnel(id=self._id("tunnel"), name=name, remote=remote), account, f"token-of-{name}", hidden=hidden
        )
        self.all_tunnels[made.tunnel.id] = made
        return made

    def live_tunnels(self) -> list[FakeTunnel]:
        """Return the tunnels that are not deleted."""
        return [one for one in self.all_tunnels.values() if not one.tunnel.deleted]

    def records_of(self, zone_id: str) -> list[DnsRecord]:
        """Return the records of a zone."""
        return list(self.all_records[zone_id].values())

    def live(self, life: Life) -> None:
        """Have each call be an effect of a life: one before it is done, and one after."""
        self.fault = life.effect

    def ready(self, recorder: Recorder, *, dry_run: bool) -> contextlib.AbstractContextManager[tuple[Step, ...]]:
        """Need nothing to be asked."""
        return contextlib.nullcontext(())

    @contextlib.contextmanager
    def opened(self, token: Secret) -> Iterator[EdgeAccount]:
        """Open the account of a token (deployhost.edge.account.EdgeAccounts)."""
        self.opened_tokens.append(token.reveal())
        yield FakeAccount(self, token.reveal())

    def _id(self, kind: str) -> str:
        return f"{kind}-{next(self._ids):04}"


@dataclass
class FakeAccount:
    """The account as one token sees it."""

    cloud: FakeCloudflare
    token: str

    def verify(self, account_id: str = "") -> TokenState:
        with self._call("verify"):
            found = self._token()
            if self.token.startswith("cfat_") and not account_id:
                raise ConnectionRefused("Invalid API Token (1000)")
            return TokenState(status=found.status, expires_on=found.expires_on)

    def zones(self) -> tuple[FoundZone, ...]:
        with self._call("zones", "zones:read"):
            return tuple(zone for zone in self.cloud.all_zones.values() if self._sees(zone.id))

    def tunnel(self, account_id: str, tunnel_id: str) -> Tunnel | None:
        with self._call("tunnel", "tunnels:read"):
            found = self.cloud.all_tunnels.get(tunnel_id)
            return found.tunnel if found is not None and found.account_id == account_id else None

    def tunnels(self, account_id: str, name: str) -> tuple[Tunnel, ...]:
        with self._call("tunnels", "tunnels:read"):
            return tuple(
                one.tunnel
                for one in self.cloud.live_tunnels()
                if one.account_id == account_id and one.tunnel.name == name and not one.hidden
            )

    def create_tunnel(self, account_id: str, name: str) -> tuple[Tunnel, Secret]:
        with self._call("create_tunnel", "tunnels:write"):
            if any(one.tunnel.name == name and one.account_id == account_id for one in self.cloud.live_tunnels()):
                raise Conflict("You already have a tunnel with this name. (1013)")
            made = self.cloud.tunnel(name, account_id)
        return made.tunnel, Secret(made.token)

    def tunnel_token(self, account_id: str, tunnel_id: str) -> Secret:
        with self._call("tunnel_token", "tunnels:read"):
            return Secret(self._tunnel(account_id, tunnel_id).token)

    def ingress(self, account_id: str, tunnel_id: str) -> tuple[IngressRule, ...]:
        with self._call("ingress", "tunnels:read"):
            return self._tunnel(account_id, tunnel_id).rules

    def put_ingress(self, account_id: str, tunnel_id: str, rules: Sequence[IngressRule]) -> None:
        with self._call("put_ingress", "tunnels:write"):
            assert rules
            assert not rules[-1].hostname
            assert not rules[-1].path
            assert all(rule.hostname or rule.path for rule in rules[:-1])
            self._tunnel(account_id, tunnel_id).rules = tuple(rules)

    def delete_tunnel(self, account_id: str, tunnel_id: str) -> bool:
        with self._call("delete_tunnel", "tunnels:write"):
            found = self.cloud.all_tunnels.get(tunnel_id)
            if found is None or found.tunnel.deleted or found.account_id != account_id:
                return False
            found.tunnel = replace(found.tunnel, deleted=True)
            return True

    def records(self, zone_id: str, *, name: Domain | None = None, comment_starts: str = "") -> tuple[DnsRecord, ...]:
        with self._call("records", "records:read"):
            return tuple(
                one
                for one in self._records(zone_id).values()
                if (name is None or one.name == name) and one.comment.startswith(comment_starts)
            )

    def create_record(self, zone_id: str, record: WantedRecord) -> DnsRecord:
        with self._call("create_record", "records:write"):
            return self._create(zone_id, record)

    def replace_records(self, zone_id: str, old: Sequence[str], record: WantedRecord) -> DnsRecord:
        with self._call("replace_records", "records:write"):
            there = self._records(zone_id)
            if not set(old) <= set(there):
                raise ProviderRefused("Record does not exist. (81044)")
            before = dict(there)
            for one in old:
                del there[one]
            try:
                return self._create(zone_id, record)
            except Conflict:
                self.cloud.all_records[zone_id] = before
                raise

    def delete_record(self, zone_id: str, record_id: str) -> bool:
        with self._call("delete_record", "records:write"):
            return self._records(zone_id).pop(record_id, None) is not None

    def _create(self, zone_id: str, record: WantedRecord) -> DnsRecord:
        zone = self.cloud.all_zones[zone_id]
        assert record.name == zone.name or record.name.endswith(f".{zone.name}")
        assert len(record.comment) <= 100
        taken = [one for one in self._records(zone_id).values() if one.name == record.name]
        if any(one.type in ("A", "AAAA", "CNAME") for one in taken):
            raise Conflict("An A, AAAA, or CNAME record with that host already exists. (81053)")
        return self.cloud.record(zone_id, record.name, record.target, comment=record.comment)

    def _records(self, zone_id: str) -> dict[str, DnsRecord]:
        if not self._sees(zone_id):
            raise ConnectionRefused("Authentication error (10000)")
        return self.cloud.all_records[zone_id]

    def _tunnel(self, account_id: str, tunnel_id: str) -> FakeTunnel:
        found = self.cloud.all_tunnels.get(tunnel_id)
        if found is None or found.tunnel.deleted or found.account_id != account_id:
            raise ProviderRefused("Tunnel not found (1003)")
        return found

    def _sees(self, zone_id: str) -> bool:
        zones = self._token().zones
        return zones is None or self.cloud.all_zones[zone_id].name in zones

    def _token(self) -> FakeToken:
        found = self.cloud.tokens.get(self.token)
        if found is None:
            raise ConnectionRefused("Invalid API Token (1000)")
        return found

    @contextlib.contextmanager
    def _call(self, name: str, right: str = "") -> Iterator[None]:
        """Be asked something: it may break before it is done, and after."""
        self.cloud.calls.append(name)
        self.cloud.fault(name)
        if right and right not in self._token().rights:
            raise ConnectionRefused(f"the token lacks {right} (10000)")
        yield
        self.cloud.fault(f"{name} done")
