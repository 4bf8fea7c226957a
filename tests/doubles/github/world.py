"""What GitHub's double knows: accounts, Apps, installations, tokens, repositories. Times are the double's own clock."""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from tests.doubles.github.deliveries import Delivery
    from tests.doubles.github.repositories import Repository

TOKEN_SECONDS = 3600  # docs.github.com, "Generating an installation access token": expires after one hour


@dataclass
class Clock:
    """The time at GitHub: this machine's, moved by `ahead` seconds."""

    ahead: float = 0.0

    def now(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self.ahead

    def stamp(self) -> str:
        """Return the time as GitHub writes it."""
        return as_stamp(self.now())


def as_stamp(seconds: float) -> str:
    """Return a time as GitHub writes it, in whole seconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(eq=False)
class Account:
    """A user, or an organisation with the users who own it. A rename changes nothing but `login`."""

    id: int
    login: str
    kind: str = "User"
    owners: frozenset[str] = frozenset()

    def owned_by(self, login: str) -> bool:
        """Return whether a user may change the account's settings."""
        return same(self.login, login) or any(same(owner, login) for owner in self.owners)


@cache
def key_of(number: int) -> rsa.RSAPrivateKey:
    """Return the key of the so manieth App of a double. Making one takes up to half a second, so doubles share them."""
    del number
    return rsa.generate_private_key(65537, 2048)


@dataclass
class App:
    """A GitHub App. `hook` is empty if it never had one; `hook_active` is the box in its settings, which no call ticks."""

    id: int
    slug: str
    name: str
    client_id: str
    owner: Account
    permissions: dict[str, str]
    events: list[str]
    key: rsa.RSAPrivateKey
    created: str
    description: str | None = None
    external_url: str = ""
    setup_url: str | None = None
    hook: dict[str, str] = field(default_factory=dict)
    hook_active: bool = False
    public: bool = False

    @property
    def pem(self) -> str:
        """The private key as GitHub hands it out: PKCS #1."""
        encoding, plain = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(encoding, plain, serialization.NoEncryption()).decode()

    @property
    def hook_secret(self) -> str | None:
        """What deliveries are signed with."""
        return self.hook.get("secret")


@dataclass
class Installation:
    """An App on an account. `selected` are repository ids, None is all of them."""

    id: int
    app: App
    account: Account
    permissions: dict[str, str]
    selected: set[int] | None
    created: str
    suspended: str | None = None

    def covers(self, repository: "Repository") -> bool:
        """Return whether the App may see a repository."""
        return repository.owner.id == self.account.id and (self.selected is None or repository.id in self.selected)


@dataclass(frozen=True)
class Token:
    """An installation access token. `repositories` are ids, None is whatever the installation covers."""

    text: str = field(repr=False)
    installation: Installation
    permissions: dict[str, str]
    repositories: frozenset[int] | None
    expires: float

    def sees(self, repository: "Repository") -> bool:
        """Return whether the token reaches a repository."""
        return self.installation.covers(repository) and (
            self.repositories is None or repository.id in self.repositories
        )


@dataclass
class World:
    """All of it. `lock` is held while a call is answered and while a test changes something.

    `hookless` is what an App without a hook gets when it asks for it: 404 (CloudSnorkel/cdk-github-runners pull 982), or a
    configuration without URL, which can then be changed. GitHub's documentation does not say.
    """

    folder: Path
    web: str
    api: str
    clock: Clock = field(default_factory=Clock)
    lock: threading.RLock = field(default_factory=threading.RLock)
    accounts: dict[str, Account] = field(default_factory=dict)
    apps: dict[int, App] = field(default_factory=dict)
    codes: dict[str, tuple[App, float]] = field(default_factory=dict)
    installations: dict[int, Installation] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    personal: dict[str, str] = field(default_factory=dict)
    repositories: dict[int, "Repository"] = field(default_factory=dict)
    former_names: dict[str, int] = field(default_factory=dict)
    deliveries: list["Delivery"] = field(default_factory=list)
    hookless: Literal["missing", "empty"] = "missing"
    announce: Callable[["Event"], None] = lambda _: None
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1000))

    def new_id(self) -> int:
        """Return a number that nothing else has."""
        return next(self._ids)

    def account(self, login: str) -> Account | None:
        """Return an account by its name, in whichever case."""
        return self.accounts.get(login.lower())

    def named(self, full_name: str) -> "Repository | None":
        """Return the repository that has this name now."""
        wanted = full_name.lower()
        return next((one for one in self.repositories.values() if one.full_name.lower() == wanted), None)

    def moved(self, full_name: str) -> "Repository | None":
        """Return the repository that had this name, until somebody uses it again (docs.github.com, "Renaming a repository")."""
        number = self.former_names.get(full_name.lower())
        return None if number is None or self.named(full_name) else self.repositories.get(number)

    def installed_on(self, app: App, account: Account) -> Installation | None:
        """Return an App's installation on an account."""
        return next((one for one in self.installations.values() if one.app is app and one.account == account), None)

    def covering(self, repository: "Repository") -> list[Installation]:
        """Return the installations that see a repository and are not suspended."""
        return [one for one in self.installations.values() if one.covers(repository) and not one.suspended]

    def new_token(self, installation: Installation, permissions: dict[str, str], ids: frozenset[int] | None) -> Token:
        """Make a token for an installation, as long as the newer kind is (`ghs_APPID_JWT`)."""
        text = f"ghs_{installation.app.id}_{secrets.token_urlsafe(90)}"
        token = Token(text, installation, permissions, ids, self.clock.now() + TOKEN_SECONDS)
        self.tokens[text] = token
        return token

    def remove_installation(self, installation: Installation) -> None:
        """Uninstall: its tokens die with it."""
        self.installations.pop(installation.id, None)
        for text in [text for text, token in self.tokens.items() if token.installation is installation]:
            del self.tokens[text]


@dataclass(frozen=True)
class Event:
    """Something that Apps hear of: of a repository, of an installation, or (a ping) of one App."""

    name: str
    action: str | None = None
    repository: "Repository | None" = None
    installation: Installation | None = None
    app: App | None = None
    sender: Account | None = None
    details: dict[str, object] = field(default_factory=dict)


def same(one: str, other: str) -> bool:
    """Return whether two logins or names mean the same at GitHub, which ignores case."""
    return one.lower() == other.lower()
