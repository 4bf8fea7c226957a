"""The GitHub Apps that this server is: one per owner, each kept in a file that only root may read."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from deployhost.config.secrets import connections
from deployhost.errors import Conflict, DeployhostError, InvalidConfig, NotFound
from deployhost.model import Secret
from deployhost.paths import Paths

GITHUB = "https://github.com"
PREFIX = "github-"  # of the files in connections/
ID = re.compile(r"[0-9a-f]{16}")

OwnerKind = Literal["user", "organization"]


@dataclass(frozen=True, kw_only=True)
class GitHubConnection:
    """An App of one owner (a user or an organization), by the key that proves to be it.

    `id` is ours: it names the webhook's path. `html_url` is GitHub's own address (no path), `app_url` the App's page there.
    `webhook_secret` is None while the App's hook was never set, `webhook_url` is where it was last set to deliver to ("": nowhere).
    `hooked` is whether it is known to be active.
    """

    id: str
    owner: str
    owner_id: int
    kind: OwnerKind
    html_url: str
    api_url: str
    app_id: int
    client_id: str
    slug: str
    app_url: str
    key: Secret
    webhook_secret: Secret | None = None
    installation_id: int | None = None
    webhook_url: str = ""
    hooked: bool = False

    @property
    def webhook_path(self) -> str:
        """Return the path at the webhook's host to which GitHub delivers."""
        return f"/webhook/{self.id}"

    def hook_at(self, host: str) -> str:
        """Return where the App's hook is to deliver to at a webhook's host."""
        return f"https://{host}{self.webhook_path}"

    def is_reported_to(self, host: str) -> bool:
        """Return whether GitHub reports pushes to that host, as far as is known here."""
        return self.hooked and self.webhook_url == self.hook_at(host)

    @property
    def connect_command(self) -> str:
        """Return the command that puts this connection right."""
        return connect_command(self.html_url, **{"org" if self.kind == "organization" else "user": self.owner})

    @property
    def disconnect_command(self) -> str:
        """Return the command that ends this connection."""
        return f"deployhost disconnect github {self.owner}"

    @property
    def install_page(self) -> str:
        """Return the page on which the owner chooses the repositories."""
        return f"{self.app_url}/installations/new"

    @property
    def settings_page(self) -> str:
        """Return the page of the App's settings, which only its owner sees."""
        of = f"organizations/{self.owner}/" if self.kind == "organization" else ""
        return f"{self.html_url}/{of}settings/apps/{self.slug}"

    @property
    def delete_page(self) -> str:
        """Return the page on which its owner can delete the App."""
        return f"{self.settings_page}/advanced"


def connect_command(html_url: str, org: str = "", user: str = "") -> str:
    """Return the command that connects an owner: an organization, a personal account, or whoever is logged in there."""
    whose = (f"--org {org}",) if org else (f"--user {user}",) if user else ()
    return " ".join(("deployhost connect github", *whose, *at_github(html_url)))


def at_github(html_url: str) -> tuple[str, ...]:
    """Return the option that names a GitHub, if it is needed."""
    return (f"--github-url {html_url}",) if html_url != GITHUB else ()


def load_all(paths: Paths, broken: Callable[[DeployhostError], object] | None = None) -> tuple[GitHubConnection, ...]:
    """Return the connections in the order of their owners.

    A file that can't be read goes to `broken`. Without it, raise InvalidConfig, FileProblem.
    """
    found = []
    for name in _names(paths):
        try:
            found.append(_load(paths, name))
        except NotFound:  # deleted since it was listed
            continue
        except DeployhostError as error:
            if broken is None:
                raise
            broken(error)
    return tuple(sorted(found, key=lambda one: (one.owner.lower(), one.html_url, one.id)))


def for_owner(paths: Paths, owner: str, html_url: str = GITHUB) -> GitHubConnection | None:
    """Return the connection of an owner (GitHub ignores case), or None. Raise InvalidConfig, FileProblem."""
    wanted = (owner.lower(), html_url)
    return next((one for one in load_all(paths) if (one.owner.lower(), one.html_url) == wanted), None)


def save(paths: Paths, connection: GitHubConnection) -> None:
    """Write a connection; it is on the disk when this returns. Raise FileProblem, Conflict."""
    connections(paths).put(PREFIX + connection.id, _text(connection))


def change(paths: Paths, connection: GitHubConnection) -> None:
    """Write a connection that is there. Raise FileProblem, and Conflict if it was disconnected in the meantime."""
    try:
        connections(paths).put(PREFIX + connection.id, _text(connection), new=False)
    except NotFound:
        raise Conflict(
            f"{connection.owner} on GitHub was disconnected in the meantime", hint=connection.connect_command
        ) from None


def delete(paths: Paths, connection: GitHubConnection) -> bool:
    """Delete a connection for good, and return whether it was there. Raise FileProblem, Conflict."""
    return connections(paths).remove(PREFIX + connection.id)


def stamp(paths: Paths) -> tuple[tuple[str, int, int], ...]:
    """Return what changes whenever a connection's file does. It costs one look at the directory."""
    found = []
    for name in _names(paths):
        try:
            status = (paths.connections / name).stat()
        except OSError:
            continue
        found.append((name, status.st_mtime_ns, status.st_ino))
    return tuple(found)


def _names(paths: Paths) -> Iterator[str]:
    # What is written at the moment begins with a dot; what is only asked for (manifest_flow.py) is named otherwise.
    return iter(
        sorted(one.name for one in paths.connections.glob(f"{PREFIX}*") if ID.fullmatch(one.name[len(PREFIX) :]))
    )


def _load(paths: Paths, name: str) -> GitHubConnection:
    try:
        found = _from_json(json.loads(connections(paths).get(name).reveal()))
        if PREFIX + found.id != name:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, InvalidConfig):
        # Their own messages could hold the key.
        path = paths.connections / name
        raise InvalidConfig(f"{path} is damaged: delete it, and connect its owner again", hint=f"rm {path}") from None
    return found


def _text(connection: GitHubConnection) -> Secret:
    return Secret(json.dumps(_to_json(connection), indent=1) + "\n")


def _to_json(connection: GitHubConnection) -> dict[str, Any]:
    secret = connection.webhook_secret
    return {
        **{name: getattr(connection, name) for name in (*_TEXTS, *_NUMBERS, *_OTHERS)},
        "webhook_secret": None if secret is None else secret.reveal(),
        "key": connection.key.reveal(),
    }


_TEXTS = ("id", "owner", "kind", "html_url", "api_url", "client_id", "slug", "app_url")
_NUMBERS = ("owner_id", "app_id")
_OTHERS = ("installation_id", "webhook_url", "hooked")


def _from_json(body: dict[str, Any]) -> GitHubConnection:
    secret, installation = body["webhook_secret"], body["installation_id"]
    texts = [body[name] for name in (*_TEXTS, "key")] + ([] if secret is None else [secret])
    numbers = [body[name] for name in _NUMBERS] + ([] if installation is None else [installation])
    if not (
        all(isinstance(text, str) and text for text in texts)
        and all(type(number) is int for number in numbers)
        and type(body["hooked"]) is bool
        and isinstance(body["webhook_url"], str)
        and body["kind"] in ("user", "organization")
        and ID.fullmatch(body["id"])
    ):
        raise ValueError
    return GitHubConnection(
        **{name: body[name] for name in (*_TEXTS, *_NUMBERS, *_OTHERS)},
        key=Secret(body["key"]),
        webhook_secret=None if secret is None else Secret(secret),
    )
