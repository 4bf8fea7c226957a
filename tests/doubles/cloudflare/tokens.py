"""Who asks Cloudflare's double, and whether they may."""

import datetime as dt
import re
import time

from tests.doubles.cloudflare.state import Account, Json, Refusal, State, Token, Zone
from tests.doubles.serve import Call

LIMIT_SECONDS = 300.0
LOOKS_LIKE_ONE = re.compile(r"Bearer [A-Za-z0-9_-]{40,}")


def asker(state: State, call: Call, *, verifying: bool) -> Token:
    """Return the token of a call that may be used from there and at this time. Raise Refusal for any other.

    Expired and disabled tokens may only be verified.
    """
    header = call.headers.get("authorization")
    if header is None:
        raise Refusal(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    if not LOOKS_LIKE_ONE.fullmatch(header):
        chain = ((6111, "Invalid format for Authorization header"),)
        raise Refusal(400, 6003, "Invalid request headers", chain)
    token = state.tokens.get(header.removeprefix("Bearer "))
    if token is None:
        raise Refusal(401, 1000, "Invalid API Token") if verifying else Refusal(403, 9109, "Invalid access token")
    if token.addresses is not None and call.address not in token.addresses:
        raise Refusal(403, 9109, f"Cannot use the access token from location: {call.address}")
    if not verifying and _status(token) != "active":
        raise Refusal(403, 9109, "Invalid access token")
    _count(token, state.requests_allowed)
    return token


def _count(token: Token, allowed: int) -> None:
    """Raise Refusal if the token asked too often within five minutes: then it may not ask at all for five more."""
    now = time.monotonic()
    if now < token.blocked_until:
        raise Refusal(429, 971, "Please wait and consider throttling your request speed")
    token.asked_at = [at for at in token.asked_at if at > now - LIMIT_SECONDS] + [now]
    if len(token.asked_at) > allowed:
        token.blocked_until = now + LIMIT_SECONDS
        raise Refusal(429, 971, "Please wait and consider throttling your request speed")


def verified(token: Token, account: Account | None) -> Json:
    """Return what verifying says: at the user's endpoint (no account) or at an account's. Tokens of the other kind are refused."""
    if token.account != account:
        raise Refusal(401, 1000, "Invalid API Token")
    found = {"id": token.id, "status": _status(token)}
    return found | ({"expires_on": token.expires_on} if token.expires_on else {})


def check_account(token: Token, account_id: str, scope: str) -> None:
    """Raise Refusal if the token may not do that in the account."""
    if account_id not in token.accounts or not token.has(scope):
        raise Refusal(403, 10000, "Authentication error")


def check_zone(token: Token, zone: Zone | None, scope: str) -> None:
    """Raise Refusal if the token may not do that in the zone."""
    if zone is None or not sees(token, zone) or not token.has(scope):
        raise Refusal(403, 10000, "Authentication error")


def sees(token: Token, zone: Zone) -> bool:
    """Return whether the zone is among those that the token is for."""
    return zone.account.id in token.accounts and (token.zones is None or zone.id in token.zones)


def _status(token: Token) -> str:
    if token.expires_on is not None and dt.datetime.fromisoformat(token.expires_on) <= dt.datetime.now(dt.UTC):
        return "expired"
    return token.status
