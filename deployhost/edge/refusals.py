"""What an answer of Cloudflare's that is none means for a person: the error, the right that is missing, the page that grants it. Pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from deployhost.edge.account import TokenState
from deployhost.edge.rights import RECORDS, TUNNELS, ZONES, TokenRight, explanation
from deployhost.errors import Conflict, ConnectionRefused, DeployhostError, ProviderRefused, ProviderUnavailable
from deployhost.model import HIDDEN, Secret

AGAIN = "deployhost connect cloudflare"
NOT_VALID = "it is not valid, or it was deleted, disabled or has expired"
# Cloudflare's codes (developers.cloudflare.com/fundamentals/api/troubleshooting, and its community).
BAD_TOKEN = {1000, 1001, 6003, 6111, 10001}
LACKS_RIGHT = {10000}
ADDRESS_OR_RIGHT = (
    9109  # "Cannot use the access token from location …", and also "Unauthorized to access requested resource"
)
TAKEN = {1013, 81053, 81054, 81056, 81057, 81058, 81062}
TOO_MANY_RECORDS = 81045
# Seconds to wait after too many requests: where Cloudflare does not say how long, and the most that it is believed
# (developers.cloudflare.com/fundamentals/api/reference/limits: five minutes).
PAUSE, LONGEST_PAUSE = 60.0, 3600.0

RIGHT_OF: Mapping[str, TokenRight | None] = {
    "verify": None,
    "zones": ZONES,
    "tunnel": TUNNELS,
    "tunnels": TUNNELS,
    "create_tunnel": TUNNELS,
    "tunnel_token": TUNNELS,
    "ingress": TUNNELS,
    "put_ingress": TUNNELS,
    "delete_tunnel": TUNNELS,
    "records": RECORDS,
    "create_record": RECORDS,
    "replace_records": RECORDS,
    "delete_record": RECORDS,
}


def error_of(method: str, body: Mapping[str, Any], token: Secret) -> DeployhostError:
    """Return the error for what the process of edge/cloudflare.py says went wrong with a method."""
    kind = body.get("kind")
    if kind == "status":
        return _status(method, body, token)
    if kind == "unreachable":
        why = _clean(body.get("message", ""), token)
        if "certificate is not yet valid" in why:
            what = "Cloudflare can't be reached: by this server's clock its certificate is not valid yet"
            return ProviderUnavailable(what, hint="timedatectl set-ntp true")
        return ProviderUnavailable("Cloudflare can't be reached", hint=AGAIN, details=(why,) if why else ())
    if kind == "late":
        return late()
    return ProviderUnavailable("Cloudflare's answer can't be understood", hint=AGAIN)


def late() -> ProviderUnavailable:
    """Return the error for an answer that did not come in time."""
    return ProviderUnavailable("Cloudflare did not answer in time", hint=AGAIN)


def bad_token(why: str, token: Secret, details: tuple[str, ...] = ()) -> ConnectionRefused:
    """Return the error for a token that is worth nothing."""
    return ConnectionRefused(
        f"Cloudflare refuses the token: {why}", hint=AGAIN, details=(*details, *explanation(token))
    )


def check_usable(state: TokenState, token: Secret) -> TokenState:
    """Return what Cloudflare says of a token. Raise ConnectionRefused if it is worth nothing."""
    if state.status == "active":
        return state
    why = {"expired": "it has expired", "disabled": "it is disabled"}.get(state.status, "it is not active")
    raise bad_token(why, token)


def lacks(right: TokenRight, token: Secret, details: tuple[str, ...] = ()) -> ConnectionRefused:
    """Return the error for a token without a right."""
    return ConnectionRefused(
        f"the token for Cloudflare lacks the right {right}", hint=AGAIN, details=(*details, *explanation(token))
    )


def _status(method: str, body: Mapping[str, Any], token: Secret) -> DeployhostError:
    status, codes = int(body["status"]), set(body.get("codes", ()))
    said = tuple(shown for one in body.get("messages", ()) if (shown := _clean(one, token)))
    details = tuple(f"Cloudflare: {one}" for one in said)
    if status == 429:
        pause = _pause(str(body.get("retry_after", "")))
        return ProviderUnavailable(
            f"Cloudflare has had too many requests from this account, and wants a pause of {pause:.0f} s",
            hint=AGAIN,
            retry_after=pause,
        )
    if status >= 500:
        return ProviderUnavailable(f"Cloudflare has a fault of its own (HTTP {status})", hint=AGAIN, details=details)
    refused = _token_refused(RIGHT_OF[method], status, codes, said)
    if refused is not None:
        return lacks(refused, token, details) if isinstance(refused, TokenRight) else bad_token(refused, token, details)
    if codes & TAKEN:
        return Conflict(said[0] if said else "it exists already")
    if TOO_MANY_RECORDS in codes:
        return ProviderRefused("the zone has as many records as its plan at Cloudflare allows", details=details)
    return ProviderRefused(f"Cloudflare refused a request (HTTP {status})", details=details)


def _pause(text: str) -> float:
    """Return the seconds of a Retry-After."""
    said = float(text) if text.isascii() and text.isdigit() else PAUSE
    return min(max(said, 1.0), LONGEST_PAUSE)


def _token_refused(
    right: TokenRight | None, status: int, codes: AbstractSet[int], said: tuple[str, ...]
) -> TokenRight | str | None:
    """Return the right that a token lacks, what is wrong with the token itself, or None if it is not about the token."""
    text = " ".join(said).lower()
    if ADDRESS_OR_RIGHT in codes and "location" in text:
        return "it may be used only from other addresses than this server's"
    if ADDRESS_OR_RIGHT in codes and "invalid access token" in text:
        return NOT_VALID
    if right is not None and (codes & {*LACKS_RIGHT, ADDRESS_OR_RIGHT} or (status == 403 and not codes & BAD_TOKEN)):
        return right
    if status in (401, 403) or (status == 400 and codes & BAD_TOKEN):
        return NOT_VALID
    return None


def _clean(text: object, token: Secret) -> str:
    """Return what somebody else wrote as one printable line without the token."""
    shown = str(text).replace(token.reveal(), HIDDEN)
    return "".join(letter if letter.isprintable() else " " for letter in shown)[:300].strip()
