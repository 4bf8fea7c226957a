"""What was posted to GitHub, and the deploys that something may have to be posted of."""

from dataclasses import replace

import pytest

from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.pinned import PinnedSource
from deployhost.journal.posted import PostedStatus
from deployhost.journal.sources import Sources
from deployhost.journal.statuses import Statuses
from deployhost.model import AppName, Deploy, DeployStatus, RepositoryName, Sha, Trigger, Version
from tests.fakes.journal import Ticking

SHOP, BLOG = AppName("shop"), AppName("blog")
ONE = PostedStatus(
    app=SHOP, sha=Sha("a" * 40), repository=17, connection="0" * 16, deploy=1, state="pending", posted_at=5.0
)


@pytest.fixture
def statuses(database: Database, deploys: Deploys) -> Statuses:
    return Statuses(database, deploys)


def test_the_last_status_of_each_commit_is_kept(statuses: Statuses) -> None:
    assert statuses.posted() == []
    statuses.record(ONE)
    later = replace(ONE, state="success", posted_at=6.0)
    statuses.record(later)
    others = [replace(ONE, app=BLOG, posted_at=7.0), replace(ONE, repository=18, posted_at=8.0)]
    for other in others:
        statuses.record(other)
    assert statuses.posted() == [later, *others]
    statuses.tidy(7.5)
    assert statuses.posted() == others[1:]


def test_the_deploys_to_tell_of(statuses: Statuses, database: Database, deploys: Deploys) -> None:
    name = RepositoryName("acme/shop")
    Sources(database, Ticking()).pin(
        PinnedSource(
            app=SHOP, connection="0" * 16, host="https://github.com", repository=17, written=name, current=name
        )
    )
    sha = Sha("b" * 40)

    def accept(app: AppName, trigger: Trigger = Trigger.PUSH, *, begin: bool = True) -> Deploy:
        deploy = deploys.accept(app, sha, trigger=trigger)
        return (deploys.begin(deploy, Version(f"{sha}-{deploy.id + 1}")) or deploy) if begin else deploy

    old = accept(SHOP)
    since = old.requested_at
    accept(BLOG)
    accept(SHOP, Trigger.RESTART)
    accept(SHOP, begin=False)
    push, manual = (accept(SHOP, trigger) for trigger in (Trigger.PUSH, Trigger.MANUAL))
    assert [one.id for one in statuses.to_tell(since, [])] == [push.id, manual.id]
    pending = [replace(ONE, deploy=old.id), replace(ONE, deploy=999)]
    assert [one.id for one in statuses.to_tell(since, pending)] == [old.id, push.id, manual.id]
    statuses.record(replace(ONE, sha=sha, deploy=manual.id, state="pending"))
    assert [one.id for one in statuses.to_tell(since, [])] == [push.id, manual.id]
    statuses.record(replace(ONE, sha=sha, deploy=manual.id, state="success"))
    assert [one.id for one in statuses.to_tell(since, [])] == [push.id]
    deploys.blame(manual.id, {"message": "it restarts"})
    assert [one.id for one in statuses.to_tell(since, [])] == [push.id, manual.id]
    statuses.record(replace(ONE, sha=sha, deploy=manual.id, state="failure"))
    assert [one.id for one in statuses.to_tell(since, [])] == [push.id]
    for one in (push, manual):
        deploys.end(one.id, DeployStatus.FAILED)
    deploys.forget(SHOP)
    assert statuses.to_tell(since, [replace(ONE, deploy=push.id)]) == []


def test_the_journal_tells_that_something_was_written(statuses: Statuses, database: Database) -> None:
    before = database.changes
    assert statuses.posted() == []
    assert database.changes == before
    statuses.record(ONE)
    assert database.changes != before
