"""What exists at Cloudflare's double: accounts, zones, records, tunnels, tokens; and how it refuses."""

import base64
import datetime as dt
import json
import secrets
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TUNNEL_EDIT, DNS_EDIT, ZONE_READ = "Cloudflare Tunnel Write", "DNS Write", "Zone Read"
TUNNEL_READ, DNS_READ = "Cloudflare Tunnel Read", "DNS Read"
ALL_SCOPES = frozenset({TUNNEL_EDIT, DNS_EDIT, ZONE_READ})
# Any one of these is as good as "Cloudflare Tunnel Write".
TUNNEL_WRITERS = frozenset(
    {TUNNEL_EDIT, "Cloudflare One Connector: cloudflared Write", "Cloudflare One Connectors Write"}
)


class Refusal(Exception):
    """An answer with `success: false`."""

    def __init__(self, status: int, code: int, message: str, chain: tuple[tuple[int, str], ...] = ()) -> None:
        super().__init__(message)
        self.status, self.code, self.chain = status, code, chain

    def body(self) -> Json:
        """Return the answer's body."""
        error: Json = {"code": self.code, "message": str(self)}
        if self.chain:
            error["error_chain"] = [{"code": code, "message": message} for code, message in self.chain]
        return {"success": False, "errors": [error], "messages": [], "result": None}


def now() -> str:
    """Return the time as the API writes it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def identifier() -> str:
    """Return an id as zones, accounts and records have it."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Account:
    """An account."""

    id: str
    name: str


@dataclass
class Zone:
    """A zone with its records. `records_allowed` is the plan's limit, 200 for free zones."""

    id: str
    name: str
    account: Account
    status: str = "active"
    records_allowed: int = 200
    tags_allowed: int = 0
    created_on: str = field(default_factory=now)
    records: dict[str, Json] = field(default_factory=dict)

    def json(self) -> Json:
        """Return it as the API does."""
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "paused": False,
            "type": "full",
            "development_mode": 0,
            "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
            "original_name_servers": None,
            "original_registrar": None,
            "original_dnshost": None,
            "created_on": self.created_on,
            "modified_on": self.created_on,
            "activated_on": self.created_on,
            "meta": {"step": 2, "page_rule_quota": 3, "phishing_detected": False},
            "owner": {"id": None, "type": "user"},
            "account": {"id": self.account.id, "name": self.account.name},
            "plan": {"id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "name": "Free Website", "price": 0, "currency": "USD"},
            "tenant": {"id": None, "name": None},
            "tenant_unit": {"id": None},
            "permissions": [],
        }


@dataclass
class Connection:
    """A connector's connection to the edge, which stays known for a while if it broke."""

    connector: str
    version: str
    arch: str
    address: str
    opened_at: str = field(default_factory=now)
    lost_at: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def json(self) -> Json:
        """Return it as the API does."""
        return {
            "id": self.id,
            "uuid": self.id,
            "client_id": self.connector,
            "client_version": self.version,
            "colo_name": "ams01",
            "is_pending_reconnect": self.lost_at is not None,
            "opened_at": self.opened_at,
            "origin_ip": self.address,
        }


@dataclass
class Tunnel:
    """A tunnel, also once it is deleted."""

    id: str
    name: str
    account: Account
    config_src: str
    secret: str
    created_at: str = field(default_factory=now)
    deleted_at: str | None = None
    config: Json | None = None
    version: int = 0
    active_at: str | None = None
    inactive_at: str | None = None
    connections: dict[str, Connection] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """What a connector of it starts with."""
        content = {"a": self.account.id, "t": self.id, "s": self.secret}
        return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()

    @property
    def status(self) -> str:
        """One of the API's four words."""
        if any(connection.lost_at is None for connection in self.connections.values()):
            return "healthy"
        return "inactive" if self.active_at is None else "down"

    def forget_lost(self, seconds: float) -> None:
        """Forget connections that broke longer ago than that."""
        for connector, connection in list(self.connections.items()):
            if connection.lost_at is not None and time.monotonic() - connection.lost_at > seconds:
                del self.connections[connector]

    def json(self) -> Json:
        """Return it as the API does."""
        return {
            "id": self.id,
            "account_tag": self.account.id,
            "name": self.name,
            "config_src": self.config_src,
            "remote_config": self.config_src == "cloudflare",
            "created_at": self.created_at,
            "deleted_at": self.deleted_at,
            "connections": [connection.json() for connection in self.connections.values()],
            "conns_active_at": self.active_at,
            "conns_inactive_at": self.inactive_at,
            "tun_type": "cfd_tunnel",
            "metadata": {},
            "status": self.status,
        }


@dataclass
class Token:
    """An API token: of a user, or of an account (then it begins with cfat_)."""

    value: str
    scopes: frozenset[str]
    accounts: frozenset[str]
    zones: frozenset[str] | None = None
    account: Account | None = None
    status: str = "active"
    expires_on: str | None = None
    addresses: frozenset[str] | None = None
    listed_tunnels: frozenset[str] | None = None
    asked_at: list[float] = field(default_factory=list)
    blocked_until: float = 0.0
    id: str = field(default_factory=identifier)

    def has(self, scope: str) -> bool:
        """Return whether it may do what a scope says; whoever may write may read."""
        if scope in (TUNNEL_EDIT, TUNNEL_READ):
            return bool(self.scopes & (TUNNEL_WRITERS | ({TUNNEL_READ} if scope == TUNNEL_READ else set())))
        if scope == DNS_READ:
            return bool(self.scopes & {DNS_READ, DNS_EDIT})
        return scope in self.scopes


class State:
    """Everything, behind one lock.

    `remembers` says for how many seconds a connection that broke still counts, `requests_allowed` how often a token may ask in five minutes.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.accounts: dict[str, Account] = {}
        self.zones: dict[str, Zone] = {}
        self.tunnels: dict[str, Tunnel] = {}
        self.tokens: dict[str, Token] = {}
        self.remembers = 300.0
        self.requests_allowed = 1200

    def add_account(self, name: str = "Example") -> Account:
        """Add an account."""
        account = Account(identifier(), name)
        self.accounts[account.id] = account
        return account

    def add_zone(self, name: str, account: Account, **about: Any) -> Zone:
        """Add a zone of an account; what else is known of it by the names of Zone's fields."""
        zone = Zone(identifier(), name, account, **about)
        self.zones[zone.id] = zone
        return zone

    def add_token(self, account: Account, *, of_account: bool = False, **about: Any) -> Token:
        """Add a token for an account and its zones; what else is known of it by the names of Token's fields."""
        value = f"cfat_{secrets.token_urlsafe(36)}" if of_account else secrets.token_urlsafe(30)
        about = {"scopes": ALL_SCOPES, "accounts": frozenset({account.id})} | about
        token = Token(value, account=account if of_account else None, **about)
        self.tokens[value] = token
        return token

    def zone_of(self, host: str) -> Zone | None:
        """Return the zone that a host name belongs to, of several the one with the longest name."""
        found = [zone for zone in self.zones.values() if host == zone.name or host.endswith(f".{zone.name}")]
        return max(found, key=lambda zone: len(zone.name), default=None)

    def record(self, zone: Zone, type: str, name: str, content: str, **about: Any) -> Json:  # noqa: A002 (DNS's word)
        """Add somebody's record, without any of the API's checks."""
        added: Json = {
            "id": identifier(),
            "name": name,
            "type": type,
            "content": content,
            "proxiable": type in ("A", "AAAA", "CNAME"),
            "proxied": False,
            "ttl": 1,
            "settings": {},
            "meta": {},
            "comment": None,
            "tags": [],
            "created_on": now(),
            "modified_on": now(),
        } | about
        with self.lock:
            zone.records[added["id"]] = added
        return added
