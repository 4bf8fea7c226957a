"""What was posted to GitHub of commits: the last status of each, for each app."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from deployhost.errors import NotFound
from deployhost.journal.database import Database, typed
from deployhost.journal.deploys import Deploys
from deployhost.journal.posted import PostedStatus
from deployhost.model import AppName, Deploy, Sha

_TYPES = {"app": AppName, "sha": Sha}


@dataclass(frozen=True)
class Statuses:
    """Keeps what was posted, and finds the deploys that something may have to be posted of."""

    database: Database
    deploys: Deploys

    def posted(self) -> list[PostedStatus]:
        """Return what was posted, as far as it is kept, oldest first. Raise FileProblem."""
        rows = self.database.all("SELECT * FROM commit_statuses ORDER BY posted_at")
        return [PostedStatus(**typed(row, _TYPES)) for row in rows]

    def record(self, posted: PostedStatus) -> None:
        """Record what was posted, in place of what was posted before. Raise FileProblem."""
        names = [one.name for one in fields(PostedStatus)]
        statement = (
            f"INSERT OR REPLACE INTO commit_statuses ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - our own names
        )
        self.database.change(statement, *(getattr(posted, name) for name in names), durable=True)

    def tidy(self, before: float) -> None:
        """Forget what was posted before a moment. Raise FileProblem."""
        self.database.change("DELETE FROM commit_statuses WHERE posted_at < ?", before)

    def to_tell(self, since: float, pending: Sequence[PostedStatus]) -> list[Deploy]:
        """Return the deploys that something may have to be posted of, oldest first: they run, or did, and their end was not posted.

        They are those that were asked for since a moment, of apps with a repository at GitHub, and those of pending statuses.
        A release that failed after its success was posted is among them. Raise FileProblem.
        """
        question = (
            "SELECT d.id FROM deploys d JOIN sources USING (app)"
            " LEFT JOIN commit_statuses p ON p.deploy = d.id AND p.state <> 'pending'"
            " WHERE d.requested_at > ? AND NOT d.forgotten AND d.started_at IS NOT NULL AND d.trigger IN ('push', 'manual')"
            " AND (p.deploy IS NULL OR (p.state = 'success' AND d.error IS NOT NULL))"
        )
        numbers = {int(row["id"]) for row in self.database.all(question, since)} | {one.deploy for one in pending}
        return [deploy for number in sorted(numbers) if (deploy := self._deploy(number)) is not None]

    def _deploy(self, number: int) -> Deploy | None:
        try:
            return self.deploys.get(number)
        except NotFound:
            return None  # its app was removed
