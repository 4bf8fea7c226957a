"""Domains whose other DNS records a person gave up: ours takes their place as soon as that is possible, also after a restart."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from deployhost.journal.database import Database
from deployhost.model import AppName, Domain


@dataclass(frozen=True)
class GivenUpDomain:
    """A domain, the app that was to have it, and the zone at Cloudflare by its id: nothing was given up in another one."""

    domain: Domain
    app: AppName
    zone: str


@dataclass(frozen=True)
class GivenUp:
    """Keeps what was given up until it is carried out, refused, or not wanted any more."""

    database: Database

    def add(self, given: Iterable[GivenUpDomain]) -> None:
        """Record domains, on the disk before this returns. Raise FileProblem."""
        with self.database.transaction(durable=True) as db:
            for one in given:
                db.execute("INSERT OR REPLACE INTO given_up VALUES (?,?,?)", (one.domain, one.app, one.zone))

    def of_zone(self, zone: str) -> list[GivenUpDomain]:
        """Return what was given up in a zone. Raise FileProblem."""
        rows = self.database.all("SELECT * FROM given_up WHERE zone = ? ORDER BY domain", zone)
        return [GivenUpDomain(Domain(row["domain"]), AppName(row["app"]), str(row["zone"])) for row in rows]

    def forget(self, domains: Collection[Domain]) -> None:
        """Forget domains. Raise FileProblem."""
        for domain in domains:
            self.database.change("DELETE FROM given_up WHERE domain = ?", domain)
