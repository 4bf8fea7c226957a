"""The rights that a token for Cloudflare needs, and the links that preselect them. Pure."""

import json
from dataclasses import dataclass

from deployhost.model import Secret


@dataclass(frozen=True)
class TokenRight:
    """A right as Cloudflare's form shows it: where, what, how; `key` and `kind` are its names in a link."""

    where: str
    what: str
    how: str
    key: str
    kind: str

    def __str__(self) -> str:
        return f"{self.where} · {self.what} · {self.how}"


TUNNELS = TokenRight("Account", "Cloudflare Tunnel", "Edit", "argotunnel", "edit")
RECORDS = TokenRight("Zone", "DNS", "Edit", "dns", "edit")
ZONES = TokenRight("Zone", "Zone", "Read", "zone", "read")
RIGHTS = (TUNNELS, RECORDS, ZONES)
TOKEN_NAME = "deployhost"  # noqa: S105 - how the token is called in the account's list
_DASHBOARD = "https://dash.cloudflare.com"


def user_token_link() -> str:
    """Return the page that creates a token of a person, with its rights chosen already."""
    return f"{_DASHBOARD}/profile/api-tokens?permissionGroupKeys={_groups()}&accountId=*&zoneId=all&name={TOKEN_NAME}"


def account_token_link() -> str:
    """Return the page that creates a token of an account, with its rights chosen already."""
    return f"{_DASHBOARD}/?to=/:account/api-tokens&permissionGroupKeys={_groups()}&name={TOKEN_NAME}"


def is_account_token(token: Secret) -> bool:
    """Return whether a token belongs to an account and not to a person."""
    return token.reveal().startswith("cfat_")


def explanation(token: Secret | None = None) -> tuple[str, ...]:
    """Return the lines that say how to get a token that suffices. The links were broken for a while once: the list of rights is enough."""
    lines = [f"  {right}" for right in RIGHTS]
    if token is not None and is_account_token(token):
        return ("the token needs these rights:", *lines, f"create one at {account_token_link()}")
    return ("the token needs these rights:", *lines, f"create one at {user_token_link()}")


def _groups() -> str:
    groups = [{"key": right.key, "type": right.kind} for right in RIGHTS]
    text = json.dumps(groups, separators=(",", ":"))
    return "".join(letter if letter.isalnum() else f"%{ord(letter):02X}" for letter in text)
