"""The log of a deploy whose app was removed while it ran stays for whoever follows it, and goes then."""

from pathlib import Path

import pytest

from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.model import AppName, Sha, Trigger, Version
from deployhost.upkeep.forgotten_logs import FOLLOWED, ForgottenLogs

SHOP, ONE = AppName("shop"), Sha("1" * 40)


@pytest.mark.parametrize("followed", [False, True])
def test_deleted_a_minute_after_its_end(tmp_path: Path, *, followed: bool) -> None:
    database, events = Database(tmp_path / "journal.db"), EventLog(tmp_path / "deploys")
    now, busy = [1000.0], {1}
    deploys = Deploys(database, lambda: now[0])
    logs = ForgottenLogs(deploys, events, lambda number: number in busy, lambda: now[0])
    for _ in range(2):
        deploys.begin(deploys.accept(SHOP, ONE, trigger=Trigger.PUSH), Version(f"{ONE}"))
        deploys.forget(SHOP)
    other = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    for number in (1, 2, other.id):
        events.append(number, {"event": "note", "text": "x"})

    def there() -> list[str]:
        return sorted(path.name for path in (tmp_path / "deploys").iterdir())

    logs.keep()
    now[0] += FOLLOWED
    logs.keep()
    assert there() == ["1.jsonl", "3.jsonl"], "a worker is at the first"
    busy.clear()
    logs.keep()
    assert there() == ["1.jsonl", "3.jsonl"], "somebody may read its end"
    if followed:
        assert list(events.follow(1, lambda: deploys.get(1).status.ended)) == [{"event": "note", "text": "x"}]
    now[0] += FOLLOWED
    logs.keep()
    assert there() == ["3.jsonl"]
    assert [deploy.id for deploy in deploys.forgotten()] == [1, 2], "the versions are taken"
    database.close()
