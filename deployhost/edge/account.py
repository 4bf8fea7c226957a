"""An account at Cloudflare as the edge needs it: what there is in it, and the few calls that change it. Types."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from deployhost.model import Domain, Secret
from deployhost.steps import Recorder, Step


@dataclass(frozen=True, kw_only=True)
class TokenState:
    """What Cloudflare says of the token itself; not which rights it has. `expires_on` is a date in ISO 8601, or ""."""

    status: str
    expires_on: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundZone:
    """A zone that the token sees, and the account that it belongs to. Only an active one is served by Cloudflare."""

    id: str
    name: Domain
    account_id: str
    account_name: str
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """A tunnel of an account. Only a `remote` one takes its configuration from Cloudflare."""

    id: str
    name: str
    remote: bool = True
    deleted: bool = False


@dataclass(frozen=True, kw_only=True)
class RunningTunnel:
    """What the tunnel's service runs, as it noted itself: its command line, digests of the token and of the program's file, its port."""

    program: tuple[str, ...] = ()
    secret: str = ""
    file: str = ""
    port: int = 0
    pid: int = 0


@dataclass(frozen=True, kw_only=True)
class IngressRule:
    """A rule of a tunnel's configuration: requests to `hostname` with a path that `path` matches go to `service`. "" matches all."""

    service: str
    hostname: str = ""
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class DnsRecord:
    """A record of a zone. `content` is where it leads to."""

    id: str
    type: str
    name: str
    content: str
    proxied: bool
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class WantedRecord:
    """A proxied CNAME that shall be there."""

    name: Domain
    target: str
    comment: str


class EdgeAccount(Protocol):
    """An open account: each method is one request, or one for each page of a list.

    Each raises ConnectionRefused if the token, or a right of it, does not suffice; ProviderRefused if Cloudflare refuses the
    request for another reason; ProviderUnavailable if it did not answer, also where it may have done what it was asked.
    """

    def verify(self, account_id: str = "") -> TokenState:
        """Return what Cloudflare says of the token; an account's own token (`cfat_…`) is known by its account alone."""

    def zones(self) -> tuple[FoundZone, ...]:
        """Return the zones that the token sees."""

    def tunnel(self, account_id: str, tunnel_id: str) -> Tunnel | None:
        """Return a tunnel, or None if there is none of that id."""

    def tunnels(self, account_id: str, name: str) -> tuple[Tunnel, ...]:
        """Return the tunnels of that name that the token sees and that are not deleted: others may exist."""

    def create_tunnel(self, account_id: str, name: str) -> tuple[Tunnel, Secret]:
        """Create a tunnel and return it, with the token by which cloudflared joins it. Raise Conflict if the name is taken."""

    def tunnel_token(self, account_id: str, tunnel_id: str) -> Secret:
        """Return the token by which cloudflared joins a tunnel."""

    def ingress(self, account_id: str, tunnel_id: str) -> tuple[IngressRule, ...]:
        """Return the rules of a tunnel; none if it has no configuration yet."""

    def put_ingress(self, account_id: str, tunnel_id: str, rules: Sequence[IngressRule]) -> None:
        """Replace the rules of a tunnel."""

    def delete_tunnel(self, account_id: str, tunnel_id: str) -> bool:
        """Delete a tunnel and what it is connected to; return whether there was one."""

    def records(self, zone_id: str, *, name: Domain | None = None, comment_starts: str = "") -> tuple[DnsRecord, ...]:
        """Return the records of a zone, of one name only or with such a comment only."""

    def create_record(self, zone_id: str, record: WantedRecord) -> DnsRecord:
        """Create a record. Raise Conflict if its name has one already."""

    def replace_records(self, zone_id: str, old: Sequence[str], record: WantedRecord) -> DnsRecord:
        """Delete the records of these ids and create one, both or neither. Raise Conflict as `create_record` does."""

    def delete_record(self, zone_id: str, record_id: str) -> bool:
        """Delete a record and return whether there was one."""


class EdgeAccounts(Protocol):
    """Whatever opens accounts."""

    def ready(self, recorder: Recorder, *, dry_run: bool) -> AbstractContextManager[tuple[Step, ...]]:
        """Have what accounts are asked with, and give the steps that takes; on a dry run it is gone at the end.

        The caller holds the lock of set-up. Raise ProviderUnavailable if it can't be had.
        """

    def opened(self, token: Secret) -> AbstractContextManager[EdgeAccount]:
        """Open the account of a token for one piece of work. Nothing is asked until a method is called."""
