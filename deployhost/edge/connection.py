"""The account at Cloudflare that this server is joined to: kept in a file that only root may read."""

import contextlib
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployhost.config.secrets import connections
from deployhost.edge.ownership import CONNECTION, TUNNEL_TOKEN
from deployhost.edge.zones_plan import Zone
from deployhost.errors import InvalidConfig, InvalidName, NotFound
from deployhost.model import Domain, Secret
from deployhost.paths import Paths
from deployhost.system import files

LEAVING = "cloudflare-leaving"  # the first one's name while the server is taken off the account
SERVER_ID = re.compile(r"[0-9a-f]{10}")
FILE_LOCK, USE_LOCK = "cloudflare.lock", "cloudflare-use.lock"
LONGEST_USE = 60.0  # seconds


@dataclass(frozen=True, kw_only=True)
class CloudflareConnection:
    """The account, by the token that opens it; `zones` are all that the token sees in it. `tunnel_id` is the server's tunnel.

    `webhook_zone` is the zone that a person chose for the webhook's host, `webhook_host` that host as Cloudflare has it.
    `expires_on` is when the token ends, a date in ISO 8601, or "".
    """

    server_id: str
    token: Secret
    account_id: str
    account_name: str
    zones: tuple[Zone, ...]
    webhook_zone: Domain
    webhook_host: Domain
    tunnel_id: str
    expires_on: str = ""


def load(paths: Paths) -> CloudflareConnection | None:
    """Return the connection, or None if there is none. Raise InvalidConfig, FileProblem if its file can't be read."""
    return _load(paths, CONNECTION)


def leaving(paths: Paths) -> CloudflareConnection | None:
    """Return the connection that the server is being taken off, or None. Raise InvalidConfig, FileProblem."""
    return _load(paths, LEAVING)


def _load(paths: Paths, name: str) -> CloudflareConnection | None:
    try:
        return _from_json(json.loads(connections(paths).get(name).reveal()))
    except NotFound:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, InvalidConfig, InvalidName):
        # Their own messages could hold the token.
        raise InvalidConfig(f"{paths.connections / name} is damaged", hint=f"rm {paths.connections / name}") from None


def save(paths: Paths, connection: CloudflareConnection) -> None:
    """Write the connection. Raise FileProblem, Conflict."""
    with _changing(paths):
        _save(paths, connection)


def refresh(paths: Paths, before: CloudflareConnection, now: CloudflareConnection) -> bool:
    """Write the connection unless it is another one than `before` by now, and return whether it was written.

    Raise FileProblem, Conflict, InvalidConfig.
    """
    with _changing(paths):
        if load(paths) != before:
            return False
        _save(paths, now)
        return True


def set_aside(paths: Paths) -> None:
    """Have `load` find no connection any more, and `leaving` this one. Raise FileProblem, Conflict, NotFound."""
    store = connections(paths)
    with _changing(paths):
        store.put(LEAVING, store.get(CONNECTION))
        store.remove(CONNECTION)


def delete(paths: Paths) -> None:
    """Delete the connection and the tunnel's token for good. Raise FileProblem, Conflict."""
    with _changing(paths):
        for name in (TUNNEL_TOKEN, CONNECTION, LEAVING):
            connections(paths).remove(name)


@contextlib.contextmanager
def in_use(paths: Paths, *, alone: bool = False) -> Iterator[None]:
    """Change something at Cloudflare with a connection that is loaded within this block.

    `alone` waits for all who do, a minute at most: those that come later find what is the connection then. Raise FileProblem, Conflict.
    """
    files.make_directory(paths.run)
    with files.lock(paths.run / USE_LOCK, timeout=LONGEST_USE, shared=not alone):
        yield


def _changing(paths: Paths) -> AbstractContextManager[None]:
    files.make_directory(paths.run)
    return files.lock(paths.run / FILE_LOCK)


def _save(paths: Paths, connection: CloudflareConnection) -> None:
    connections(paths).put(CONNECTION, Secret(json.dumps(_to_json(connection), indent=1) + "\n"))


def tunnel_token(paths: Paths) -> Secret | None:
    """Return the token with which cloudflared joins the tunnel, or None if it is not here, or is none. Raise FileProblem."""
    try:
        return connections(paths).get(TUNNEL_TOKEN)
    except (NotFound, InvalidConfig):  # Cloudflare gives it again
        return None


def save_tunnel_token(paths: Paths, token: Secret) -> None:
    """Write the token with which cloudflared joins the tunnel. Raise FileProblem, Conflict."""
    connections(paths).put(TUNNEL_TOKEN, token)


def server_id(paths: Paths, new: str = "") -> str:
    """Return the id by which this server is known at Cloudflare: 10 hexadecimal digits, made once (`new`, or random ones).

    Raise FileProblem, Conflict, InvalidConfig.
    """
    files.make_directory(paths.state)
    with files.lock(paths.state / "server-id.lock"):
        found = known_server_id(paths)
        made = found or new or new_server_id()
        if not server_id_kept(paths):
            files.write_atomically(_file(paths), f"{made}\n".encode())
        return made


def known_server_id(paths: Paths) -> str:
    """Return the server's id, or "" if it has none yet. Raise FileProblem, InvalidConfig."""
    found = (files.read_text(_file(paths)) or "").strip()
    if SERVER_ID.fullmatch(found):
        return found
    # Where the file was lost, what is at Cloudflare still has the id.
    connection = load(paths) or leaving(paths)
    return connection.server_id if connection is not None else ""


def server_id_kept(paths: Paths) -> bool:
    """Return whether the server's id is in its file."""
    return bool(SERVER_ID.fullmatch((files.read_text(_file(paths)) or "").strip()))


def new_server_id() -> str:
    """Return an id that no server has."""
    return secrets.token_hex(5)


def _file(paths: Paths) -> Path:
    return paths.state / "server-id"


def _to_json(connection: CloudflareConnection) -> dict[str, Any]:
    return {
        "server_id": connection.server_id,
        "token": connection.token.reveal(),
        "account": {"id": connection.account_id, "name": connection.account_name},
        "zones": {zone.name: zone.id for zone in connection.zones},
        "webhook_zone": connection.webhook_zone,
        "webhook_host": connection.webhook_host,
        "tunnel": connection.tunnel_id,
        "expires_on": connection.expires_on,
    }


def _from_json(body: dict[str, Any]) -> CloudflareConnection:
    expires_on = body.get("expires_on", "")  # files of before it was kept do not have it
    texts = [
        body["token"],
        body["account"]["id"],
        body["account"]["name"],
        body["tunnel"],
        *body["zones"].values(),
        expires_on,
    ]
    if not SERVER_ID.fullmatch(body["server_id"]) or not all(isinstance(text, str) for text in texts):
        raise ValueError
    return CloudflareConnection(
        server_id=body["server_id"],
        token=Secret(body["token"]),
        account_id=body["account"]["id"],
        account_name=body["account"]["name"],
        zones=tuple(Zone(Domain(name), id_) for name, id_ in body["zones"].items()),
        webhook_zone=Domain(body["webhook_zone"]),
        webhook_host=Domain(body["webhook_host"]),
        tunnel_id=body["tunnel"],
        expires_on=expires_on,
    )
