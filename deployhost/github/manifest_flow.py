"""A new App, from the request until its key is on the disk: after a crash, the next run continues.

What is asked for lies in a file of its own (connections/github-new-ID) until then, so that the browser may come back to another
process than the one that sent it away.
"""

import contextlib
import hmac
import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployhost.config.secrets import DIRECTORY_MODE, connections
from deployhost.errors import Conflict, DeployhostError, InvalidRequest, ProviderRefused
from deployhost.github import connection as files_of
from deployhost.github.answers import GitHub, NewApp
from deployhost.github.connection import GitHubConnection
from deployhost.github.manifest_plan import Returned, api_url, apps_page
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.system import files
from deployhost.system.clock import CLOCK, Clock

PREFIX = "github-new-"
ID = re.compile(r"[0-9a-f]{16}")
LIFE = 2 * 3600.0  # seconds; GitHub's code is good for one hour from when the App was made
LOCK = "github.lock"
TURN = 60.0  # seconds for another process that is fetching a key


@dataclass(frozen=True, kw_only=True)
class AskedFor:
    """An App that was asked for: `id` will be its connection's, `state` proves that the browser comes back from there."""

    id: str
    state: Secret
    org: str
    html_url: str
    webhook_host: str
    since: float  # unix seconds


class ManifestFlow:
    """Asks for new Apps, and fetches their keys; any number of threads and processes may."""

    def __init__(self, paths: Paths, github: GitHub, clock: Clock = CLOCK) -> None:
        self._paths = paths
        self._github = github
        self._clock = clock
        self._turn = threading.Lock()
        # By the connection's id: GitHub gives a key once, and the disk may be full.
        self._unsaved: dict[str, NewApp] = {}

    def begin(self, html_url: str, org: str, webhook_host: str = "") -> AskedFor:
        """Return what is asked for: what an earlier run asked for still counts. Raise FileProblem, Conflict."""
        with self._alone():
            for one in self._open():
                if (one.html_url, one.org.lower(), one.webhook_host) == (html_url, org.lower(), webhook_host):
                    return one
            made = AskedFor(
                id=secrets.token_hex(8), state=Secret(secrets.token_urlsafe(32)), org=org, html_url=html_url,
                webhook_host=webhook_host, since=self._clock.time(),
            )  # fmt: skip
            connections(self._paths).put(PREFIX + made.id, Secret(_to_json(made)))
            return made

    def tidy(self) -> None:
        """Delete what an earlier run left of Apps that are there. Raise FileProblem, Conflict."""
        if any(self._paths.connections.glob(f"{PREFIX}*")):
            with self._alone():
                list(self._open())

    def finish(self, back: Returned) -> GitHubConnection:
        """Fetch the key of the App that the browser came back from; it is on the disk when this returns.

        Raise InvalidRequest if the state is none of ours or was used, ProviderRefused, ProviderUnavailable, FileProblem, Conflict.
        """
        if not self._turn.acquire(blocking=False):
            raise Conflict("the key of the new App is being fetched: wait a moment")
        try:
            with self._alone():
                asked = next((one for one in self._open() if _same(one.state, back.state)), None)
                if asked is None:
                    raise InvalidRequest(
                        "the state in this address is not one of this server's, was used, or is too old"
                    )
                return self._fetch(asked, back.code)
        finally:
            self._turn.release()

    def made(self, asked: AskedFor) -> GitHubConnection | None:
        """Return the App that was asked for once its key is on the disk. Raise InvalidConfig, FileProblem."""
        return next((one for one in files_of.load_all(self._paths) if one.id == asked.id), None)

    def _fetch(self, asked: AskedFor, code: str) -> GitHubConnection:
        new = self._unsaved.get(asked.id)
        if new is None:
            try:
                new = self._github.new_app(api_url(asked.html_url), code)
            except ProviderRefused as error:
                page = apps_page(asked.html_url, asked.org)
                left = f"if GitHub made an App nevertheless, delete it at {page}, and start again"
                raise ProviderRefused(error.message, hint=error.hint, details=(*error.details, left)) from error
            self._unsaved[asked.id] = new
        made = _connection(asked, new)
        files_of.save(self._paths, made)
        del self._unsaved[asked.id]
        with contextlib.suppress(DeployhostError):  # whoever looks next deletes it
            connections(self._paths).remove(PREFIX + asked.id)
        return made

    def _open(self) -> Iterator[AskedFor]:
        """Yield the pending requests. Delete those that are fulfilled, too old or damaged."""
        store = connections(self._paths)
        there = {one.id for one in files_of.load_all(self._paths, lambda _error: None)}
        for path in sorted(self._paths.connections.glob(f"{PREFIX}*")):
            found = _read(self._paths, path)
            if found is not None and found.id not in there and abs(self._clock.time() - found.since) < LIFE:
                yield found
            else:
                store.remove(path.name)

    def _alone(self) -> AbstractContextManager[None]:
        files.make_directory(self._paths.connections, DIRECTORY_MODE)
        return files.lock(self._paths.connections / f".{LOCK}", timeout=TURN)


def _same(state: Secret, given: str) -> bool:
    return hmac.compare_digest(state.reveal().encode(), given.encode("utf-8", "surrogatepass"))


def _connection(asked: AskedFor, new: NewApp) -> GitHubConnection:
    made = GitHubConnection(
        id=asked.id,
        owner=new.owner,
        owner_id=new.owner_id,
        kind=new.kind,
        html_url=asked.html_url,
        api_url=api_url(asked.html_url),
        app_id=new.id,
        client_id=new.client_id,
        slug=new.slug,
        app_url=new.html_url,
        key=new.key,
        webhook_secret=new.webhook_secret,
    )
    if asked.webhook_host:
        made = replace(made, webhook_url=made.hook_at(asked.webhook_host), hooked=True)
    return made


def _to_json(asked: AskedFor) -> str:
    return json.dumps(vars(asked) | {"state": asked.state.reveal()}) + "\n"


def _read(paths: Paths, path: Path) -> AskedFor | None:
    try:
        body: dict[str, Any] = json.loads(connections(paths).get(path.name).reveal())
        texts = {name: body[name] for name in ("id", "state", "org", "html_url", "webhook_host")}
        if not all(isinstance(text, str) for text in texts.values()) or not ID.fullmatch(body["id"]):
            return None
        if PREFIX + body["id"] != path.name or not body["state"]:
            return None
        return AskedFor(**{**texts, "state": Secret(body["state"])}, since=float(body["since"]))
    except (DeployhostError, ValueError, KeyError, TypeError):
        return None
