"""What became of the writes that the sample app `sqlite` acknowledged: each is to be in its database once."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.real.system_under_test import App


@dataclass(frozen=True)
class Ledger:
    """Acknowledged writes, those of them that the database lacks or has twice, and what SQLite says of the file."""

    acknowledged: int
    lost: int
    doubled: int
    integrity: str
    examples: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        """Return whether every acknowledged write is there once, in a whole database."""
        return self.acknowledged > 0 and not self.lost and not self.doubled and self.integrity == "ok"


def audit(app: App, acknowledged: Iterable[str]) -> Ledger:
    """Given the app and the names of acknowledged entries, ask the app for all that it has and compare."""
    told = list(acknowledged)
    there = Counter(app.body("/entries").split())
    lost = [name for name in told if not there[name]]
    doubled = [name for name, count in there.items() if count > 1]
    return Ledger(len(told), len(lost), len(doubled), app.body("/check").strip(), (*lost[:5], *doubled[:5]))
