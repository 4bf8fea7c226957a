"""Asking Cloudflare: each piece of work has a process of its own (edge/cloudflare.py), which is ended with it."""

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployhost.edge import refusals, sdk
from deployhost.edge.account import DnsRecord, EdgeAccount, FoundZone, IngressRule, TokenState, Tunnel, WantedRecord
from deployhost.edge.sdk import CloudflareSdk
from deployhost.edge.zones_plan import domain_or_none
from deployhost.errors import CommandFailed, CommandTimedOut, ProviderUnavailable
from deployhost.model import Domain, Secret
from deployhost.steps import Recorder, Step
from deployhost.system.answering_process import AnsweringProcess
from deployhost.system.stop import Stop

TIMEOUT = 10.0  # seconds for the answer to one request
SECONDS = 25.0  # for a method, with the start of the process
LIST_SECONDS = 60.0  # for a list, which may have many pages
# What the process gets of our environment: where programs and proxies are, whom to trust, and where a test has its double.
PASSED_ON = (
    "PATH", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "CLOUDFLARE_BASE_URL",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CloudflareAccounts:
    """Opens accounts at Cloudflare. `timeout` is for one request, `seconds` for one method, both in seconds."""

    sdk: CloudflareSdk
    start: Callable[[Path | None], AnsweringProcess] = field(default_factory=lambda: start_asking)
    timeout: float = TIMEOUT
    seconds: float = SECONDS
    list_seconds: float = LIST_SECONDS

    def ready(self, recorder: Recorder, *, dry_run: bool) -> AbstractContextManager[tuple[Step, ...]]:
        """Have Cloudflare's SDK, as CloudflareSdk.ready does."""
        return self.sdk.ready(recorder, dry_run=dry_run)

    @contextlib.contextmanager
    def opened(self, token: Secret) -> Iterator[EdgeAccount]:
        """Open the account of a token for one piece of work. Nothing is asked until a method is called."""
        account = CloudflareAccount(self, token)
        try:
            yield account
        finally:
            account.close()


class CloudflareAccount:
    """An account at Cloudflare (edge/account.py), asked through one process; one thread at a time asks."""

    def __init__(self, accounts: CloudflareAccounts, token: Secret) -> None:
        self._accounts, self._token = accounts, token
        self._process: AnsweringProcess | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def verify(self, account_id: str = "") -> TokenState:
        """Return what Cloudflare says of the token; an account's own token is known by its account alone."""
        return TokenState(**self._ask("verify", account_id=account_id))

    def zones(self) -> tuple[FoundZone, ...]:
        """Return the zones that the token sees, but for those whose names are no domains of ours."""
        found = self._ask("zones")
        named = ((domain_or_none(one["name"]), one) for one in found)
        return tuple(FoundZone(**{**one, "name": name}) for name, one in named if name is not None)

    def tunnel(self, account_id: str, tunnel_id: str) -> Tunnel | None:
        """Return a tunnel, or None if there is none of that id."""
        found = self._ask("tunnel", account_id=account_id, tunnel_id=tunnel_id)
        return None if found is None else Tunnel(**found)

    def tunnels(self, account_id: str, name: str) -> tuple[Tunnel, ...]:
        """Return the tunnels of that name that the token sees and that are not deleted: others may exist."""
        return tuple(Tunnel(**one) for one in self._ask("tunnels", account_id=account_id, name=name))

    def create_tunnel(self, account_id: str, name: str) -> tuple[Tunnel, Secret]:
        """Create a tunnel and return it, with the token by which cloudflared joins it. Raise Conflict if the name is taken."""
        made = self._ask("create_tunnel", account_id=account_id, name=name)
        return Tunnel(**{key: value for key, value in made.items() if key != "token"}), Secret(made["token"])

    def tunnel_token(self, account_id: str, tunnel_id: str) -> Secret:
        """Return the token by which cloudflared joins a tunnel."""
        return Secret(self._ask("tunnel_token", account_id=account_id, tunnel_id=tunnel_id))

    def ingress(self, account_id: str, tunnel_id: str) -> tuple[IngressRule, ...]:
        """Return the rules of a tunnel; none if it has no configuration yet."""
        return tuple(IngressRule(**one) for one in self._ask("ingress", account_id=account_id, tunnel_id=tunnel_id))

    def put_ingress(self, account_id: str, tunnel_id: str, rules: Sequence[IngressRule]) -> None:
        """Replace the rules of a tunnel."""
        shown = [{"hostname": rule.hostname, "path": rule.path, "service": rule.service} for rule in rules]
        self._ask("put_ingress", account_id=account_id, tunnel_id=tunnel_id, rules=shown)

    def delete_tunnel(self, account_id: str, tunnel_id: str) -> bool:
        """Delete a tunnel and what it is connected to; return whether there was one."""
        return bool(self._ask("delete_tunnel", account_id=account_id, tunnel_id=tunnel_id))

    def records(self, zone_id: str, *, name: Domain | None = None, comment_starts: str = "") -> tuple[DnsRecord, ...]:
        """Return the records of a zone, of one name only or with such a comment only."""
        found = self._ask("records", zone_id=zone_id, name=name or "", comment_starts=comment_starts)
        return tuple(DnsRecord(**one) for one in found)

    def create_record(self, zone_id: str, record: WantedRecord) -> DnsRecord:
        """Create a record. Raise Conflict if its name has one already."""
        return DnsRecord(**self._ask("create_record", zone_id=zone_id, **_shown(record)))

    def replace_records(self, zone_id: str, old: Sequence[str], record: WantedRecord) -> DnsRecord:
        """Delete the records of these ids and create one, both or neither. Raise Conflict as `create_record` does."""
        return DnsRecord(**self._ask("replace_records", zone_id=zone_id, old=list(old), **_shown(record)))

    def delete_record(self, zone_id: str, record_id: str) -> bool:
        """Delete a record and return whether there was one."""
        return bool(self._ask("delete_record", zone_id=zone_id, record_id=record_id))

    def _ask(self, method: str, **arguments: Any) -> Any:
        accounts = self._accounts
        seconds = accounts.list_seconds if method in ("zones", "records") else accounts.seconds
        question = {
            "token": self._token.reveal(),
            "method": method,
            "arguments": arguments,
            "seconds": seconds,
            "timeout": accounts.timeout,
        }
        with self._lock:
            if self._process is None:
                self._process = accounts.start(accounts.sdk.library())
            try:
                raw = self._process.ask(json.dumps(question).encode("ascii"), seconds=seconds, stop=Stop())
            except CommandTimedOut:
                self.close()
                raise refusals.late() from None
            except CommandFailed as error:
                self.close()
                raise ProviderUnavailable(
                    "the process that asks Cloudflare ended", hint=refusals.AGAIN, details=(error.message,)
                ) from None
        answer: Mapping[str, Any] = json.loads(raw)
        if "error" in answer:
            raise refusals.error_of(method, answer["error"], self._token)
        return answer["result"]


def _shown(record: WantedRecord) -> dict[str, str]:
    return {"name": record.name, "target": record.target, "comment": record.comment}


def start_asking(library: Path | None) -> AnsweringProcess:
    """Return a new process that asks Cloudflare by the SDK in a directory, with what of our environment it needs."""
    env = {"PATH": os.defpath, **{name: os.environ[name] for name in PASSED_ON if name in os.environ}}
    return AnsweringProcess(sdk.python(library, "main"), env=env)
