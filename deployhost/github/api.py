"""GitHub's API as one App sees it: each call typed, with the App's own token or its installation's."""

import threading
from urllib.parse import quote

from deployhost.errors import ClockOff, NotFound, ProviderUnavailable
from deployhost.github import refusals
from deployhost.github.answers import (
    AccessToken,
    BranchMissing,
    Head,
    HookConfig,
    HttpAnswer,
    Installation,
    NewApp,
    NotModified,
    RegisteredApp,
    Repository,
    StatusState,
)
from deployhost.github.app_token import AppToken, Sign
from deployhost.github.connection import GitHubConnection
from deployhost.github.http import GitHubHttp
from deployhost.github.parsing import (
    read,
    read_app,
    read_hook,
    read_installation,
    read_new_app,
    read_repository,
    read_token,
)
from deployhost.model import Branch, Secret, Sha
from deployhost.system.clock import CLOCK, Clock

FRESH = 300.0  # seconds that a token has to be good for; it lives for an hour
LONGEST_DESCRIPTION = 140  # of a status
READS = {"contents": "read", "metadata": "read"}


class GitHubApi:
    """One App at GitHub. Its tokens are kept until they end; after a rate limit no call is made until it is over."""

    def __init__(
        self, connection: GitHubConnection, http: GitHubHttp, clock: Clock = CLOCK, sign: Sign | None = None
    ) -> None:
        self.connection = connection
        self._http = http
        self._clock = clock
        self._jwt = AppToken(connection, clock, sign)
        self._lock = threading.RLock()
        self._tokens: dict[int, AccessToken] = {}  # by repository, 0 for all of them
        self._installation_id = connection.installation_id
        self._not_before = 0.0  # on the monotonic clock

    # What an installation may do.

    def repository(self, owner: str, name: str) -> Repository:
        """Return a repository by its name, as GitHubCalls has it."""
        doing = f"reading {owner}/{name}"
        return read(read_repository, self._asked("GET", f"/repos/{_part(owner)}/{_part(name)}", doing), doing)

    def repository_by_id(self, repository_id: int, etag: str = "") -> Repository | NotModified:
        """Return a repository by its id, as GitHubCalls has it."""
        doing = f"reading the repository {repository_id}"
        answer = self._asked("GET", f"/repositories/{repository_id}", doing, etag=etag, accept=(304,))
        return NotModified() if answer.status == 304 else read(read_repository, answer, doing)

    def branch(self, repository_id: int, branch: str, etag: str = "") -> Head | NotModified | BranchMissing:
        """Return a branch's newest commit, as GitHubCalls has it."""
        doing = f"reading the branch {branch} of the repository {repository_id}"
        path = f"/repositories/{repository_id}/branches/{_part(branch)}"
        answer = self._asked("GET", path, doing, etag=etag, accept=(304, 404))
        if answer.status == 304:
            return NotModified()
        if answer.status == 404:
            # "Branch not found" or "Not Found"; whether the repository is there is what tells for certain.
            self.repository_by_id(repository_id)
            return BranchMissing()
        return read(lambda body, etag: Head(Branch(body["name"]), Sha(body["commit"]["sha"]), etag), answer, doing)

    def post_status(
        self, repository_id: int, sha: Sha, *, state: StatusState, context: str, description: str, target_url: str = ""
    ) -> None:
        """Post a commit's status, as GitHubCalls has it."""
        doing = f"posting a status of {sha.short} to the repository {repository_id}"
        body = {"state": state, "context": context, "description": description[:LONGEST_DESCRIPTION]}
        if target_url:
            body["target_url"] = target_url
        answer = self._asked("POST", f"/repositories/{repository_id}/statuses/{sha}", doing, body=body, accept=(422,))
        if answer.status == 422:  # "No commit found for SHA: …"
            raise NotFound(f"GitHub takes no status of {sha.short} in the repository {repository_id}: {answer.message}")

    def for_repository(self, repository_id: int) -> AccessToken:
        """Return a token that reads one repository, as GitHubCalls has it."""
        return self._token(repository_id)

    def forget_token(self, repository_id: int) -> None:
        """Get a new token of a repository the next time, as GitHubCalls has it."""
        with self._lock:
            self._tokens.pop(repository_id, None)

    # What the App itself may do.

    def app(self) -> RegisteredApp:
        """Return what the App is at GitHub, as GitHubCalls has it."""
        doing = f"reading the App {self.connection.slug}"
        return read(read_app, self._as_app("GET", "/app", doing), doing)

    def installation(self) -> Installation | None:
        """Return the App's installation, as GitHubCalls has it. An App that is private has one at most."""
        doing = f"reading the installations of the App {self.connection.slug}"
        answer = self._as_app("GET", "/app/installations?per_page=100", doing)
        found = read(lambda body, _: [read_installation(one) for one in body], answer, doing)
        ours = [one for one in found if one.owner_id == self.connection.owner_id]
        with self._lock:
            self._installation_id = ours[0].id if ours else None
        return ours[0] if ours else None

    def delete_installation(self) -> bool:
        """Uninstall the App, as GitHubCalls has it."""
        installation = self.installation()
        if installation is None:
            return False
        doing = f"uninstalling the App {self.connection.slug}"
        answer = self._as_app("DELETE", f"/app/installations/{installation.id}", doing, accept=(404,))
        with self._lock:
            self._installation_id = None
            self._tokens.clear()
        return answer.status != 404

    def hook_config(self) -> HookConfig | None:
        """Return where the App's hook delivers to, as GitHubCalls has it."""
        doing = f"reading the hook of the App {self.connection.slug}"
        answer = self._as_app("GET", "/app/hook/config", doing, accept=(404,))
        return None if answer.status == 404 else read(read_hook, answer, doing)

    def set_hook_config(self, url: str, secret: Secret) -> bool:
        """Have the App's hook deliver to a URL, as GitHubCalls has it."""
        doing = f"setting the hook of the App {self.connection.slug}"
        body = {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret.reveal()}
        return self._as_app("PATCH", "/app/hook/config", doing, body=body, accept=(404,)).status != 404

    def has_deliveries(self) -> bool:
        """Return whether the App's hook delivered anything lately, as GitHubCalls has it."""
        doing = f"reading the deliveries of the App {self.connection.slug}"
        answer = self._as_app("GET", "/app/hook/deliveries?per_page=1", doing, accept=(404,))
        return answer.status != 404 and bool(answer.body)

    # Helpers.

    def _asked(
        self, method: str, path: str, doing: str, *, body: object = None, etag: str = "", accept: tuple[int, ...] = ()
    ) -> HttpAnswer:
        """Return the answer to a call with the installation's token; one that GitHub no longer takes is made anew once."""
        answer = self._send(method, path, self._token().value, body=body, etag=etag)
        if answer.status == 401:
            with self._lock:
                self._tokens.clear()
            answer = self._send(method, path, self._token().value, body=body)
        return self._accepted(answer, doing, accept)

    def _as_app(
        self, method: str, path: str, doing: str, *, body: object = None, accept: tuple[int, ...] = ()
    ) -> HttpAnswer:
        answer = self._send(method, path, self._jwt.current(), body=body)
        if answer.message == refusals.APP_GONE:
            accept = ()
        try:
            return self._accepted(answer, doing, accept)
        except ClockOff:
            self._jwt.forget()
            raise

    def _token(self, repository_id: int = 0) -> AccessToken:
        with self._lock:
            now = self._clock.time()
            self._tokens = {of: one for of, one in self._tokens.items() if one.expires_at - FRESH > now}
            if repository_id not in self._tokens:
                self._tokens[repository_id] = self._new_token(repository_id)
            return self._tokens[repository_id]

    def _new_token(self, repository_id: int) -> AccessToken:
        of = f" of the repository {repository_id}" if repository_id else ""
        doing = f"getting a token{of} for the App {self.connection.slug}"
        body = {"repository_ids": [repository_id], "permissions": READS} if repository_id else None
        for found in (False, True):
            known = self._installation_id
            if known is None and self.installation() is None:
                raise refusals.not_installed(self.connection)
            path = f"/app/installations/{self._installation_id}/access_tokens"
            answer = self._as_app("POST", path, doing, body=body, accept=(404, 422))
            if answer.status != 404:
                break
            # It was uninstalled, and perhaps installed again.
            self._installation_id = None
            if found or known is None:
                raise refusals.not_installed(self.connection)
        if answer.status == 422:  # "There is at least one repository that does not exist or is not accessible …"
            if not repository_id:
                raise refusals.refusal(answer, doing, self.connection, self._clock.time())
            raise NotFound(f"the App {self.connection.slug} does not see the repository {repository_id}")
        return read(read_token, answer, doing)

    def _send(self, method: str, path: str, token: Secret, *, body: object = None, etag: str = "") -> HttpAnswer:
        left = self._not_before - self._clock.monotonic()
        if left > 0:
            raise ProviderUnavailable(
                f"GitHub's rate limit is used up: no call is made for {left:.0f} s", retry_after=left
            )
        answer = self._http.send(method, self.connection.api_url + path, token=token, body=body, etag=etag)
        wait = refusals.asked_to_wait(answer, self._clock.time())
        if wait:
            self._not_before = self._clock.monotonic() + wait
        return answer

    def _accepted(self, answer: HttpAnswer, doing: str, accept: tuple[int, ...]) -> HttpAnswer:
        if 200 <= answer.status < 300 or answer.status in accept:
            return answer
        raise refusals.refusal(answer, doing, self.connection, self._clock.time())


class GitHubClient:
    """GitHub by HTTP, as the protocol GitHub has it: one client for all Apps."""

    def __init__(self, http: GitHubHttp | None = None, clock: Clock = CLOCK, sign: Sign | None = None) -> None:
        self._http = http or GitHubHttp(clock=clock)
        self._clock = clock
        self._sign = sign

    def close(self) -> None:
        """Close the connections to GitHub; the next call opens new ones."""
        self._http.close()

    def calls(self, connection: GitHubConnection) -> GitHubApi:
        """Return what an App may call."""
        return GitHubApi(connection, self._http, self._clock, self._sign)

    def new_app(self, api_url: str, code: str) -> NewApp:
        """Return the App that a person has just made, as GitHub has it."""
        doing = "fetching the new App's key"
        answer = self._http.send("POST", f"{api_url}/app-manifests/{_part(code)}/conversions")
        if answer.status != 201:
            raise refusals.conversion_refusal(answer, doing, self._clock.time())
        return read(read_new_app, answer, doing)


def _part(text: str) -> str:
    return quote(text, safe="")
