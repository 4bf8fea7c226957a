"""What shows that something at Cloudflare is this server's: the tunnel's name, the comments of records, where they lead. Pure.

A comment has at most 100 characters (Cloudflare's free plan); ours have at most 66.
"""

import re

from deployhost.errors import InvalidName
from deployhost.model import AppName

CONNECTION, TUNNEL_TOKEN = "cloudflare", "tunnel-token"  # the names of the two files in connections/
_COMMENT = re.compile(r"deployhost ([0-9a-f]{10}) (?:app ([a-z0-9-]{1,40})|webhook)")


def tunnel_name(server_id: str) -> str:
    """Return the name of the server's tunnel."""
    return f"deployhost-{server_id}"


def tunnel_target(tunnel_id: str) -> str:
    """Return the host that a record has to lead to, so that its requests go through the tunnel."""
    return f"{tunnel_id}.cfargotunnel.com"


def comment_start(server_id: str) -> str:
    """Return how the comment of each record of this server begins."""
    return f"deployhost {server_id} "


def app_comment(server_id: str, app: AppName) -> str:
    """Return the comment of the records of an app's domains."""
    return f"{comment_start(server_id)}app {app}"


def webhook_comment(server_id: str) -> str:
    """Return the comment of the record of the webhook's host."""
    return f"{comment_start(server_id)}webhook"


def is_ours(comment: str, server_id: str) -> bool:
    """Return whether a comment says that its record is this server's."""
    match = _COMMENT.fullmatch(comment)
    return match is not None and match[1] == server_id


def app_of(comment: str, server_id: str) -> AppName | None:
    """Return the app that a comment names, or None if it is not an app's of this server."""
    match = _COMMENT.fullmatch(comment)
    if match is None or match[1] != server_id or match[2] is None:
        return None
    try:
        return AppName(match[2])
    except InvalidName:
        return None
