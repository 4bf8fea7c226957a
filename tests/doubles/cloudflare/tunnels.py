"""Tunnels at Cloudflare's double, their configuration, and what the API refuses about them."""

import base64
import re
import secrets
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.doubles.cloudflare import pages
from tests.doubles.cloudflare.state import Account, Json, Refusal, State, Token, Tunnel, now

PER_PAGE = 20


class Tunnels:
    """The calls under /accounts/ACCOUNT/cfd_tunnel. `changed` pushes a configuration, `ended` ends connectors."""

    def __init__(
        self, state: State, changed: Callable[[Tunnel], None], ended: Callable[[Tunnel, str | None], None]
    ) -> None:
        self.state, self._changed, self._ended = state, changed, ended

    def create(self, account: Account, given: Json) -> Json:
        """Make a tunnel; the answer has its token."""
        name = given["name"]
        if not name:
            raise Refusal(400, 1001, "Tunnel name is required")
        if any(tunnel.name == name and not tunnel.deleted_at for tunnel in self._of(account)):
            message = "You already have a tunnel with this name. Delete the existing tunnel, or choose a different name"
            raise Refusal(409, 1013, f"{message} for your new tunnel")
        secret = given.get("tunnel_secret") or base64.b64encode(secrets.token_bytes(32)).decode()
        tunnel = Tunnel(str(uuid.uuid4()), name, account, given.get("config_src", "local"), secret)
        self.state.tunnels[tunnel.id] = tunnel
        return pages.result(tunnel.json() | {"token": tunnel.token})

    def find(self, account: Account, token: Token, query: Json) -> Json:
        """Return the tunnels that pass the filters and that the token may see."""
        found = [
            tunnel.json()
            for tunnel in self._of(account)
            if (token.listed_tunnels is None or tunnel.id in token.listed_tunnels) and _passes(tunnel, query)
        ]
        return pages.page(found, query, PER_PAGE)

    def get(self, account: Account, tunnel_id: str) -> Json:
        """Return a tunnel, also a deleted one."""
        return pages.result(self._found(account, tunnel_id, deleted=True).json())

    def edit(self, account: Account, tunnel_id: str, given: Json) -> Json:
        """Rename a tunnel, or give it another secret: connectors that run stay, the old token connects no more."""
        tunnel = self._found(account, tunnel_id)
        tunnel.name = given.get("name", tunnel.name)
        tunnel.secret = given.get("tunnel_secret", tunnel.secret)
        return pages.result(tunnel.json())

    def delete(self, account: Account, tunnel_id: str) -> Json:
        """Delete a tunnel that has no connections, not even such as broke some minutes ago."""
        tunnel = self._found(account, tunnel_id)
        if tunnel.connections:
            raise Refusal(400, 1022, "Cannot delete tunnel because it has active connections")
        tunnel.deleted_at = now()
        return pages.result(tunnel.json())

    def token(self, account: Account, tunnel_id: str) -> Json:
        """Return what a connector starts with."""
        return pages.result(self._found(account, tunnel_id).token)

    def connections(self, account: Account, tunnel_id: str) -> Json:
        """Return the connectors."""
        tunnel = self._found(account, tunnel_id)
        found = [
            {
                "id": connection.connector,
                "arch": connection.arch,
                "config_version": tunnel.version,
                "conns": [connection.json()],
                "features": ["allow_remote_config", "ha-origin"],
                "run_at": connection.opened_at,
                "version": connection.version,
            }
            for connection in tunnel.connections.values()
        ]
        return pages.result(found)

    def end_connections(self, account: Account, tunnel_id: str, query: Json) -> Json:
        """Forget connections; what runs connects again by itself."""
        tunnel = self._found(account, tunnel_id)
        only = query.get("client_id")
        for connector in list(tunnel.connections):
            if only in (None, connector):
                del tunnel.connections[connector]
        self._ended(tunnel, only)
        return pages.result({})

    def configuration(self, account: Account, tunnel_id: str) -> Json:
        """Return the configuration, null before the first one."""
        return pages.result(_configuration(self._found(account, tunnel_id)))

    def configure(self, account: Account, tunnel_id: str, given: Json) -> Json:
        """Replace the configuration, and push it to the connectors."""
        tunnel = self._found(account, tunnel_id)
        check_ingress(given.get("config", {}).get("ingress") or [])
        tunnel.config = given["config"]
        tunnel.version += 1
        self._changed(tunnel)
        return pages.result(_configuration(tunnel))

    def _of(self, account: Account) -> list[Tunnel]:
        return [tunnel for tunnel in self.state.tunnels.values() if tunnel.account == account]

    def _found(self, account: Account, tunnel_id: str, *, deleted: bool = False) -> Tunnel:
        tunnel = self.state.tunnels.get(tunnel_id)
        if tunnel is None or tunnel.account != account or (tunnel.deleted_at and not deleted):
            raise Refusal(404, 1003, "Tunnel not found")  # the code is a guess, the status is cloudflared's (cfapi)
        tunnel.forget_lost(self.state.remembers)
        return tunnel


def _configuration(tunnel: Tunnel) -> Json:
    return {
        "account_id": tunnel.account.id,
        "tunnel_id": tunnel.id,
        "version": tunnel.version,
        "config": tunnel.config,
        "source": tunnel.config_src,
        "created_at": tunnel.created_at,
    }


def _passes(tunnel: Tunnel, query: Json) -> bool:
    tests: dict[str, Callable[[Any], bool]] = {
        "is_deleted": lambda wanted: bool(tunnel.deleted_at) == wanted,
        "name": lambda wanted: tunnel.name == wanted,
        "uuid": lambda wanted: tunnel.id == wanted,
        "status": lambda wanted: tunnel.status == wanted,
        "include_prefix": tunnel.name.startswith,
        "exclude_prefix": lambda wanted: not tunnel.name.startswith(wanted),
    }
    return all(tests[name](wanted) for name, wanted in query.items() if name not in ("page", "per_page"))


def check_ingress(rules: list[Json]) -> None:
    """Raise Refusal for rules that cloudflared would not take (cloudflared 2026.8, ingress/ingress.go)."""
    if not rules:
        raise _bad("The config file doesn't contain any ingress rules")
    for index, rule in enumerate(rules):
        host, path = rule.get("hostname") or "", rule.get("path") or ""
        if ":" in host:
            raise _bad("Hostname cannot contain a port")
        if host.rfind("*") > 0:
            raise _bad("Hostname patterns can have at most one wildcard character")
        matches_all = host in ("", "*") and not path
        if index == len(rules) - 1 and not matches_all:
            raise _bad("The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)")
        if index < len(rules) - 1 and matches_all:
            raise _bad(f"Rule #{index + 1} is matching the hostname '{host}', but this will match every hostname")
        try:
            re.compile(path)
        except re.error as error:
            raise _bad(f"Rule #{index + 1} has an invalid regex") from error
        _check_service(rule["service"])


def _check_service(service: str) -> None:
    if service.startswith("unix:"):
        return
    if service.startswith("http_status:"):
        if not service.removeprefix("http_status:").isdecimal():
            raise _bad("invalid HTTP status code")
        return
    address = urlsplit(service)
    if not address.scheme or not address.hostname:
        raise _bad(f"{service} is an invalid address, please make sure it has a scheme and a hostname")
    if address.path:
        raise _bad(f"{service} is an invalid address, ingress rules don't support proxying to a different path")


def _bad(message: str) -> Refusal:
    return Refusal(400, 1056, f"Bad Configuration: Validation failed: {message}")
