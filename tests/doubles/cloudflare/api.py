"""Cloudflare's API as a double: the calls in use, each judged by the SDK's types before and after it is answered."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.doubles.cloudflare import pages, tokens
from tests.doubles.cloudflare.records import Records
from tests.doubles.cloudflare.sdk import SdkCall, sdk_call
from tests.doubles.cloudflare.state import (
    DNS_EDIT,
    DNS_READ,
    TUNNEL_EDIT,
    TUNNEL_READ,
    ZONE_READ,
    Json,
    Refusal,
    State,
    Token,
)
from tests.doubles.cloudflare.tunnels import Tunnels
from tests.doubles.serve import Answer, Call, Violation, json_answer

PREFIX = "/client/v4"
ZONES_PER_PAGE = 20
TUNNELS, RECORDS = "zero_trust.tunnels.cloudflared", "dns.records"
REFUSED = {
    400: (400, 1004, "Validation failed"),
    401: (401, 1000, "Invalid API Token"),
    403: (403, 10000, "Authentication error"),
    404: (404, 7003, "Could not route to that, perhaps your object identifier is invalid?"),
    429: (429, 971, "Please wait and consider throttling your request speed"),
}


@dataclass(frozen=True)
class Asked:
    """A judged request: who asks, the parameters in path, query and body."""

    token: Token
    path: dict[str, str]
    query: Json
    body: Json


Answering = Callable[[Asked], Json]


def refusal(status: int) -> Answer:
    """Return a refusal in the API's words, for faults."""
    known = REFUSED.get(status, (status, 10000 if status < 500 else status, "Internal error"))
    return json_answer(Refusal(*known).body(), status)


class Api:
    """Answers the API's calls."""

    def __init__(self, state: State, tunnels: Tunnels) -> None:
        self.state, self.tunnels, self.records = state, tunnels, Records(state)
        table = self._in_zones() | self._in_accounts() | self._others()
        self._routes = [(sdk_call(name), scope, answering) for name, (scope, answering) in table.items()]

    def answer(self, call: Call) -> Answer:
        """Answer one call. Raise Violation for one that the SDK could not have made."""
        path = call.path.removeprefix(PREFIX)
        if path == call.path:
            raise Violation(f"the API's calls begin with {PREFIX}")
        for route, scope, answering in self._routes:
            found = route.pattern.fullmatch(path)
            if found is not None and route.method == call.method:
                return self._judged(call, route, scope, answering, found)
        raise Violation("the double does not know this call")

    def _judged(
        self, call: Call, route: SdkCall, scope: str | None, answering: Answering, found: re.Match[str]
    ) -> Answer:
        query, body = route.judge(call.query, call.body)
        try:
            with self.state.lock:
                token = tokens.asker(self.state, call, verifying=route.name.endswith("verify"))
                self._check(token, found.groupdict(), scope)
                answer = json_answer(answering(Asked(token, found.groupdict(), query, body)))
        except Refusal as error:
            waits = (("Retry-After", str(int(tokens.LIMIT_SECONDS))),) if error.status == 429 else ()
            return json_answer(error.body(), error.status, waits)
        route.check_answer(_with_hostnames(answer.body))
        return answer

    def _check(self, token: Token, path: dict[str, str], scope: str | None) -> None:
        if scope is None:
            return
        if "account_id" in path:
            tokens.check_account(token, path["account_id"], scope)
        if "zone_id" in path:
            tokens.check_zone(token, self.state.zones.get(path["zone_id"]), scope)

    def _others(self) -> dict[str, tuple[str | None, Answering]]:
        return {
            "zones.list": (None, self._zones),
            "accounts.list": (None, self._accounts),
            "user.tokens.verify": (None, lambda asked: pages.result(tokens.verified(asked.token, None))),
            "accounts.tokens.verify": (None, self._verify_of_account),
        }

    def _in_accounts(self) -> dict[str, tuple[str | None, Answering]]:
        tunnels = self.tunnels

        def of(method: Callable[..., Json], *more: str) -> Answering:
            """Call a method with the account, the tunnel's id if the path has one, and further parts of the request."""

            def answering(asked: Asked) -> Json:
                account = self.state.accounts[asked.path["account_id"]]
                named = [asked.path["tunnel_id"]] if "tunnel_id" in asked.path else []
                return method(account, *named, *(getattr(asked, name) for name in more))

            return answering

        return {
            f"{TUNNELS}.create": (TUNNEL_EDIT, of(tunnels.create, "body")),
            f"{TUNNELS}.list": (TUNNEL_READ, of(tunnels.find, "token", "query")),
            f"{TUNNELS}.get": (TUNNEL_READ, of(tunnels.get)),
            f"{TUNNELS}.edit": (TUNNEL_EDIT, of(tunnels.edit, "body")),
            f"{TUNNELS}.delete": (TUNNEL_EDIT, of(tunnels.delete)),
            f"{TUNNELS}.token.get": (TUNNEL_EDIT, of(tunnels.token)),
            f"{TUNNELS}.connections.get": (TUNNEL_READ, of(tunnels.connections)),
            f"{TUNNELS}.connections.delete": (TUNNEL_EDIT, of(tunnels.end_connections, "query")),
            f"{TUNNELS}.configurations.get": (TUNNEL_READ, of(tunnels.configuration)),
            f"{TUNNELS}.configurations.update": (TUNNEL_EDIT, of(tunnels.configure, "body")),
        }

    def _in_zones(self) -> dict[str, tuple[str | None, Answering]]:
        records = self.records

        def of(method: Callable[..., Json], *more: str) -> Answering:
            """Call a method with the zone, the record's id if the path has one, and further parts of the request."""

            def answering(asked: Asked) -> Json:
                named = [asked.path["dns_record_id"]] if "dns_record_id" in asked.path else []
                more_given = (getattr(asked, name) for name in more)
                return method(self.state.zones[asked.path["zone_id"]], *named, *more_given)

            return answering

        return {
            f"{RECORDS}.batch": (DNS_EDIT, of(records.batch, "body")),
            f"{RECORDS}.list": (DNS_READ, of(records.find, "query")),
            f"{RECORDS}.create": (DNS_EDIT, of(records.create, "body")),
            f"{RECORDS}.get": (DNS_READ, of(records.get)),
            f"{RECORDS}.edit": (DNS_EDIT, of(records.edit, "body")),
            f"{RECORDS}.update": (DNS_EDIT, of(records.overwrite, "body")),
            f"{RECORDS}.delete": (DNS_EDIT, of(records.delete)),
        }

    def _zones(self, asked: Asked) -> Json:
        if not asked.token.has(ZONE_READ):
            actor = f"com.cloudflare.api.token.{asked.token.id}"
            message = f"Actor '{actor}' requires permission 'com.cloudflare.api.account.zone.list' to list zones"
            raise Refusal(403, 0, message)
        unknown = set(asked.query) - {"page", "per_page", "name", "status", "account", "order", "direction", "match"}
        if unknown:
            raise Violation(f"the double does not know these filters of zones: {unknown}")
        wanted = {name: asked.query[name] for name in ("name", "status") if name in asked.query}
        account = asked.query.get("account", {}).get("id")
        found = [
            zone.json()
            for zone in sorted(self.state.zones.values(), key=lambda zone: zone.name)
            if tokens.sees(asked.token, zone)
            and all(getattr(zone, name) == value for name, value in wanted.items())
            and account in (None, zone.account.id)
        ]
        return pages.page(found, asked.query, ZONES_PER_PAGE)

    def _accounts(self, asked: Asked) -> Json:
        if asked.token.account is not None:
            raise Refusal(401, 1001, "Invalid API Token")
        found = [
            {"id": account.id, "name": account.name, "type": "standard"}
            for account in self.state.accounts.values()
            if account.id in asked.token.accounts
        ]
        return pages.page(found, asked.query, ZONES_PER_PAGE)

    def _verify_of_account(self, asked: Asked) -> Json:
        account = self.state.accounts.get(asked.path["account_id"])
        if account is None:
            raise Refusal(401, 1000, "Invalid API Token")
        return pages.result(tokens.verified(asked.token, account))


def _with_hostnames(body: bytes) -> bytes:
    """Give the last ingress rule a host name, which only the SDK's generated type requires, for checking an answer."""
    answer: Any = json.loads(body)
    config = answer["result"].get("config") if isinstance(answer["result"], dict) else None
    for rule in (config or {}).get("ingress", ()):
        rule.setdefault("hostname", "")
    return json.dumps(answer).encode()
