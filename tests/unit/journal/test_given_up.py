"""What a person gave up outlives the daemon, until it is over."""

from pathlib import Path

from deployhost.journal.database import Database
from deployhost.journal.given_up import GivenUp, GivenUpDomain
from deployhost.model import AppName, Domain

A, B = (GivenUpDomain(Domain(f"{name}.example.com"), AppName("shop"), "zone-1") for name in "ab")
ELSEWHERE = GivenUpDomain(Domain("example.org"), AppName("shop"), "zone-2")


def test_what_is_given_up_is_kept(tmp_path: Path) -> None:
    given_up = GivenUp(Database(tmp_path / "journal.db"))
    given_up.add([B, A, ELSEWHERE])
    given_up.add([A])
    given_up.database.close()
    given_up = GivenUp(Database(tmp_path / "journal.db"))
    assert given_up.of_zone("zone-1") == [A, B]
    given_up.forget([A.domain, Domain("never.example.com")])
    assert given_up.of_zone("zone-1") == [B]
    moved = GivenUpDomain(B.domain, AppName("blog"), "zone-2")
    given_up.add([moved])
    assert (given_up.of_zone("zone-1"), given_up.of_zone("zone-2")) == ([], [moved, ELSEWHERE])
