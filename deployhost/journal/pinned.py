"""The repository of an app on GitHub, as the journal has it. Pure."""

from dataclasses import dataclass

from deployhost.errors import ErrorView
from deployhost.model import AppName, Branch, RepositoryName, Sha


@dataclass(frozen=True, kw_only=True)
class PinnedSource:
    """The repository of an app: GitHub's id of it, and its names as apps.yml and as GitHub have them.

    `connection` is the id of the connection that saw it last, `host` the address of that GitHub: ids mean nothing at another.
    `skipped` is the head that was not to be deployed when the app was added, `skipped_after` the highest number of a deploy by
    then: a later deploy makes that head one like any other.
    """

    app: AppName
    connection: str
    host: str
    repository: int
    written: RepositoryName
    current: RepositoryName
    default_branch: Branch | None = None
    skipped: Sha | None = None
    skipped_after: int = 0

    def is_named(self, name: RepositoryName) -> bool:
        """Return whether apps.yml means this repository by a name: one that it had there, or that it is about to get."""
        return name.is_same(self.written) or name.is_same(self.current)


@dataclass(frozen=True)
class SourceProblem:
    """Why an app's repository can't be looked at, since when (unix seconds)."""

    app: AppName
    error: ErrorView
    since: float
