"""The words of ARCHITECTURE.md as values: frozen, and valid by construction."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, NoReturn, Self

from deployhost.errors import InvalidName


class _Pattern(str):
    """A string that matches its class's `pattern` whole; anything else can't be made. Raise InvalidName."""

    __slots__ = ()
    pattern = re.compile("")
    what = ""
    rule = ""

    def __new__(cls, value: str) -> Self:
        if not cls.pattern.fullmatch(value):
            shown = value if len(value) <= 60 else value[:57] + "..."
            raise InvalidName(f"{shown!r} is not a valid {cls.what}: {cls.rule}")
        return super().__new__(cls, value)


class AppName(_Pattern):
    """An app's name: 1 to 40 of a-z, 0-9 and inner hyphens. Not `kamal-…`: those containers are Kamal's own."""

    __slots__ = ()
    pattern = re.compile(r"(?!kamal-)[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
    what = "app name"
    rule = "use 1 to 40 characters of a-z, 0-9 and hyphens inside, not beginning with 'kamal-'"


class ProcessName(_Pattern):
    """A Kamal role. It has no hyphen, so that `<app>-<process>` is unambiguous."""

    __slots__ = ()
    pattern = re.compile(r"[a-z][a-z0-9_]{0,29}")
    what = "process name"
    rule = "use a-z, 0-9 and _, beginning with a letter"


class Sha(_Pattern):
    """A commit: 40 lower-case hex digits."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-f]{40}")
    what = "commit"
    rule = "it has 40 hexadecimal digits"

    @property
    def short(self) -> str:
        """Return the first seven digits, as git shows them."""
        return self[:7]


class Version(_Pattern):
    """A release's version: the commit's sha, or `<sha>-<n>` for a later release of the same commit."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-f]{40}(?:-[1-9][0-9]{0,5})?")
    what = "version"
    rule = "it is a commit's sha, or sha-n"

    @property
    def sha(self) -> Sha:
        """Return the commit of this version."""
        return Sha(self[:40])

    @property
    def short(self) -> str:
        """Return the version with its sha shortened to seven digits."""
        return self[:7] + self[40:]


class Branch(_Pattern):
    """A git branch name, without refs/heads/; the rules of git check-ref-format(1)."""

    __slots__ = ()
    pattern = re.compile(
        r"(?s)(?!-)(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))(?!\.)(?!/)(?!@$)[^\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]{1,200}(?<![./])"
    )
    what = "branch name"
    rule = "use at most 200 characters, and see `git check-ref-format`"


class RepositoryName(_Pattern):
    """A repository on GitHub as OWNER/REPO. GitHub ignores the case of its letters."""

    __slots__ = ()
    pattern = re.compile(r"(?!.*\.git\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,98})/(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,100}")
    what = "GitHub repository"
    rule = "write OWNER/REPO, as in acme/shop"

    @property
    def owner(self) -> str:
        """Return the user or organisation that owns it."""
        return self.partition("/")[0]

    @property
    def repo(self) -> str:
        """Return its name without the owner's."""
        return self.partition("/")[2]

    def is_same(self, other: str) -> bool:
        """Return whether another name means this repository to GitHub."""
        return self.casefold() == other.casefold()


class Domain(_Pattern):
    """A public hostname of an app: lower-case labels of a-z, 0-9 and hyphens (RFC 1123), at least two labels."""

    __slots__ = ()
    pattern = re.compile(r"(?=.{1,253}\Z)(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+(?!-)[a-z0-9-]{1,63}(?<!-)")
    what = "domain"
    rule = "use lower-case labels of a-z, 0-9 and hyphens, as in shop.example.com"


class EnvName(_Pattern):
    """The name of an environment variable (POSIX: letters, digits and _, not beginning with a digit)."""

    __slots__ = ()
    pattern = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
    what = "variable name"
    rule = "use letters, digits and _, not beginning with a digit"


class Secret:
    """A value that only `reveal` shows. It is not a str: joining, serialising, copying or pickling it raises TypeError."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret can't be copied or pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class DeployStatus(StrEnum):
    """Where a deploy is on its way."""

    QUEUED = "queued"
    RUNNING = "running"
    LIVE = "live"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Return whether this status is final."""
        return self not in (DeployStatus.QUEUED, DeployStatus.RUNNING)


class Trigger(StrEnum):
    """What asked for a deploy."""

    PUSH = "push"
    MANUAL = "manual"
    RESTART = "restart"
    SETTINGS = "settings"
    ROLLBACK = "rollback"  # a person went back to a release
    AUTO_ROLLBACK = "auto_rollback"  # the new release failed in its first minute
    KAMAL = "kamal"  # Kamal itself deployed; adopted


class Strategy(StrEnum):
    """How a new release takes over from the old one."""

    OVERLAP = "overlap"  # the new one starts while the old one serves
    HANDOVER = "handover"  # requests are held, the old one ends, the new one starts, requests go on


class RuntimeName(StrEnum):
    """What the owner of a tree without a Dockerfile says that it is. `static`: no server of its own runs, nginx serves files."""

    PYTHON = "python"
    NODE = "node"
    STATIC = "static"


class EngineName(StrEnum):
    """What carries a deploy out."""

    DIRECT = "direct"
    KAMAL = "kamal"


@dataclass(frozen=True)
class Phase:
    """One stage of a deploy and how long it took, in milliseconds."""

    name: str
    ms: float


@dataclass(frozen=True)
class Deploy:
    """One deploy as the journal has it. Times are unix seconds; `error` is errors.DeployhostError.to_json."""

    id: int
    app: AppName
    sha: Sha
    subject: str
    branch: Branch | None
    trigger: Trigger
    rebuild: bool
    status: DeployStatus
    stage: str
    attempt: int
    version: Version | None
    container: str | None
    port: int | None
    requested_at: float
    started_at: float | None
    live_at: float | None
    finished_at: float | None
    superseded_by: int | None
    error: Mapping[str, Any] | None
    phases: tuple[Phase, ...] = ()
    target: Version | None = None  # the release that a rollback goes back to
    reason: str = ""  # why deployhost itself asked for it
    cancel: bool = False  # whether a person wants it to end


@dataclass(frozen=True)
class Release:
    """One release that has been live: its image (by id), container (full id), port; times in unix seconds."""

    app: AppName
    version: Version
    sha: Sha
    subject: str
    image: str
    container: str
    port: int
    deploy: int
    live_since: float
    is_live: bool
    failed: str = ""  # why it was rolled back automatically
    proven_at: float | None = None  # when it had lived through its first minute
    stopped: str = ""  # how a person stopped it ("by Kamal"), as long as it stays so


@dataclass(frozen=True)
class Drain:
    """A container that no longer gets requests and is to be stopped, at the latest at `stop_at` (unix seconds)."""

    container: str
    app: AppName
    stop_at: float


@dataclass(frozen=True)
class Hold:
    """Requests of an app that a proxy holds: `proxy` is its process (empty: nothing was held), `containers` what is started again on failure."""

    app: AppName
    deploy: int
    proxy: str
    containers: tuple[str, ...]
    since: float


@dataclass(frozen=True)
class Span:
    """A stretch of time, in unix seconds; both ends belong to it."""

    start: float
    end: float


@dataclass(frozen=True, order=True)
class Listener:
    """A listening TCP socket: its port and whether it is reachable from within the container only."""

    port: int
    loopback: bool


HIDDEN = "***"  # in place of a secret
NoAnswer = Literal["refused", "late", "not HTTP"]  # why there is no answer to an HTTP request
MOUNTED_AT = "/storage"  # where a container of an app with storage has it
WEB = ProcessName("web")
