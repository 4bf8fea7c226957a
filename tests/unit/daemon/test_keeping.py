"""What needs no look: each keeper is asked, whatever the others say, and what was mended is kept for `status`."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from deployhost.daemon.keeping import EVERY, Keeping
from deployhost.daemon.schedule import Schedule
from deployhost.daemon.schedule_plan import Lane
from deployhost.daemon.troubles import Troubles
from deployhost.errors import FileProblem
from deployhost.journal.database import Database
from deployhost.journal.runs import Runs
from deployhost.system.clock import Clock
from tests.fakes.assembled import Assembled, Server


def full() -> Sequence[str]:
    raise FileProblem("no room")


def test_all_are_asked(server: Server, daemon: Assembled) -> None:
    server.paths.journal.unlink()
    keeping = Keeping({"failing": full, **daemon.keeping.keepers}, daemon.troubles.mended)
    with pytest.raises(FileProblem, match="no room"):
        keeping.all()
    [shown] = daemon.troubles.now()
    assert "written anew, with all that was in it" in shown["message"]
    assert server.paths.journal.exists()
    assert daemon.keeping.all() == ()


def test_as_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One job each: what one fails at is its own, and what others mended is shown."""
    clock, now = Clock(), [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    database, notes = Database(tmp_path / "journal.db"), [["mended it"], []]
    troubles = Troubles(lambda: now[0])
    keeping = Keeping({"failing": full, "mending": lambda: notes.pop(0)}, troubles.mended)
    jobs = keeping.jobs()
    assert [(job.name, job.every, job.lane) for job in jobs] == [
        ("failing", EVERY, Lane.QUICK),
        ("mending", EVERY, Lane.QUICK),
    ]
    schedule = Schedule(jobs=jobs, troubles=troubles, runs=Runs(database), clock=clock)
    for now[0] in (0.0, EVERY - 1, EVERY):
        schedule.round(Lane.QUICK)
    assert notes == []
    assert [one["message"] for one in troubles.now()] == ["failing: no room", "mended it"]
    database.close()
