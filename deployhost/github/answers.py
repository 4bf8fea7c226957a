"""What GitHub's API answers, as far as it is used here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from deployhost.github.connection import GitHubConnection, OwnerKind
from deployhost.model import Branch, Secret, Sha

StatusState = Literal["error", "failure", "pending", "success"]


@dataclass(frozen=True)
class HttpAnswer:
    """An answer: its status, its headers (names in lower case), and its body as JSON, or None if it has none."""

    status: int
    headers: Mapping[str, str]
    body: Any = None

    @property
    def message(self) -> str:
        """Return what the answer says went wrong, on one line."""
        text = self.body.get("message", "") if isinstance(self.body, dict) else ""
        line = " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())  # it goes to terminals
        return line if len(line) <= 200 else f"{line[:199]}…"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository. `id` never changes; a rename or a transfer changes `owner`, `owner_id` and `name`.

    `size` (in KB) of an empty one is 0, but it may lag behind.
    """

    id: int
    owner: str
    owner_id: int
    name: str
    default_branch: str
    private: bool
    archived: bool
    size: int
    clone_url: str
    html_url: str
    etag: str = ""

    @property
    def full_name(self) -> str:
        """Return OWNER/REPO."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True)
class Head:
    """A branch's newest commit. `branch` is another one than asked for where GitHub redirects from its old name."""

    branch: Branch
    sha: Sha
    etag: str = ""


@dataclass(frozen=True)
class NotModified:
    """What was asked about is as the ETag says."""


@dataclass(frozen=True)
class BranchMissing:
    """The repository is there, and has no such branch."""


@dataclass(frozen=True)
class AccessToken:
    """An installation's token, for all of its repositories or for one. `expires_at` is in unix seconds."""

    value: Secret
    expires_at: float


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The App's installation on its owner's account. `selection` is whether it sees all of the repositories."""

    id: int
    owner: str
    owner_id: int
    selection: Literal["all", "selected"]
    suspended: bool
    html_url: str
    permissions: Mapping[str, str]
    events: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RegisteredApp:
    """What the App is at GitHub now: its owner may have renamed it, or have been renamed."""

    id: int
    slug: str
    owner: str
    owner_id: int
    html_url: str


@dataclass(frozen=True)
class HookConfig:
    """Where the App's hook delivers to. GitHub never shows its secret."""

    url: str
    content_type: str
    has_secret: bool
    insecure_ssl: bool = False


@dataclass(frozen=True, kw_only=True)
class NewApp:
    """What GitHub answers once for a new App: nobody can ask for its key again."""

    id: int
    slug: str
    client_id: str
    owner: str
    owner_id: int
    kind: OwnerKind
    html_url: str
    key: Secret
    webhook_secret: Secret | None


class GitHubCalls(Protocol):
    """The calls to GitHub's API that an App makes.

    Each raises AccessRefused, ClockOff, ProviderRefused, ProviderUnavailable, and NotFound where it says so.
    """

    def repository(self, owner: str, name: str) -> Repository:
        """Return a repository by its name; an old one leads to it too. Raise NotFound if there is none, or the App does not see it."""

    def repository_by_id(self, repository_id: int, etag: str = "") -> Repository | NotModified:
        """Return a repository by its id. Raise NotFound."""

    def branch(self, repository_id: int, branch: str, etag: str = "") -> Head | NotModified | BranchMissing:
        """Return a branch's newest commit. Raise NotFound if there is no such repository, or the App does not see it."""

    def post_status(
        self, repository_id: int, sha: Sha, *, state: StatusState, context: str, description: str, target_url: str = ""
    ) -> None:
        """Post a commit's status. `description` has at most 140 characters. Raise NotFound if repository or commit are gone."""

    def for_repository(self, repository_id: int) -> AccessToken:
        """Return a token that reads the contents of one repository, and nothing else. Raise NotFound if the App does not see it."""

    def forget_token(self, repository_id: int) -> None:
        """Get a new token of a repository the next time: GitHub does not take the one that there is."""

    def app(self) -> RegisteredApp:
        """Return what the App is at GitHub."""

    def installation(self) -> Installation | None:
        """Return the App's installation on its owner's account, or None if it is not installed."""

    def delete_installation(self) -> bool:
        """Uninstall the App, and return whether it was installed."""

    def hook_config(self) -> HookConfig | None:
        """Return where the App's hook delivers to, or None if it has no hook."""

    def set_hook_config(self, url: str, secret: Secret) -> bool:
        """Have the App's hook deliver JSON to a URL, signed with a secret. Return False if it has no hook."""

    def has_deliveries(self) -> bool:
        """Return whether the App's hook delivered anything lately: only an active one does."""


class GitHub(Protocol):
    """GitHub, whichever: each App of ours knows where."""

    def calls(self, connection: GitHubConnection) -> GitHubCalls:
        """Return what an App may call. Its tokens live as long as what is returned."""

    def new_app(self, api_url: str, code: str) -> NewApp:
        """Return the App that a person has just made, for the code with which the browser came back: it works once.

        Raise ProviderRefused if GitHub does not know the code (any more), ProviderUnavailable.
        """
