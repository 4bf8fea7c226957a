"""The journal on a real SQLite file: what is accepted, begun and ended, and what of it a crash or another thread sees."""

import os
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.errors import FileProblem, NotFound
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys, Push
from deployhost.journal.releases import Releases
from deployhost.journal.schema import MIGRATIONS
from deployhost.model import AppName, Branch, DeployStatus, Phase, Release, Sha, Trigger, Version

SHOP, BLOG = AppName("shop"), AppName("blog")
ONE, TWO = Sha("1" * 40), Sha("2" * 40)
V1, V2 = Version(ONE), Version(TWO)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def database(path: Path) -> Database:
    return Database(path)


@pytest.fixture
def deploys(database: Database) -> Deploys:
    return Deploys(database, Clock())


@pytest.fixture
def releases(database: Database) -> Releases:
    return Releases(database, Clock())


def release(number: int, version: Version = V1, app: AppName = SHOP, container: str = "c1") -> Release:
    return Release(app, version, version.sha, "a subject", "sha256:1", container, 8080, number, 5000.0, is_live=True)


# Opening


def test_migrations_are_recorded(database: Database, path: Path) -> None:
    database.close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
        assert raw.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    raw.close()


def test_old_journal_is_brought_up_to_date(path: Path) -> None:
    """A journal of each earlier schema gets what it lacks, and keeps what it has."""
    for have in range(1, len(MIGRATIONS)):
        old = path.with_name(f"{have}.db")
        old.parent.mkdir(exist_ok=True)
        raw = sqlite3.connect(old)
        raw.executescript("".join(MIGRATIONS[:have]) + f"PRAGMA user_version = {have};")
        raw.execute(
            "INSERT INTO deploys (app, sha, trigger, status, requested_at) VALUES ('shop', ?, 'push', 'live', 1)",
            (ONE,),
        )
        raw.commit()
        raw.close()
        deploys = Deploys(Database(old), Clock())
        assert [deploy.sha for deploy in deploys.of_app(SHOP)] == [ONE]
        deploys.accept(SHOP, TWO, trigger=Trigger.PUSH, push=Push("refs/heads/main", ONE, "t"))
        assert deploys.of_push(SHOP, "t") is not None


def test_newer_journal_is_refused(database: Database, path: Path) -> None:
    with database.transaction() as db:
        pass
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    database.close()
    with pytest.raises(FileProblem, match="newer deployhost"):
        Database(path)


def test_journal_that_can_not_be_opened(tmp_path: Path) -> None:
    (tmp_path / "journal.db").mkdir()
    with pytest.raises(FileProblem, match="can't be opened") as failed:
        Database(tmp_path / "journal.db")
    assert "mv" not in failed.value.hint, "nothing is lost yet"


def test_rows_that_break_a_rule_are_no_damage(database: Database) -> None:
    with pytest.raises(FileProblem, match="can't be written: FOREIGN KEY") as failed, database.transaction() as db:
        db.execute("INSERT INTO phases (deploy, name, ms, position) VALUES (9, 'build', 1, 1)")
    assert failed.value.hint == ""


def test_reopened(deploys: Deploys, database: Database, path: Path) -> None:
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, subject="first", branch=Branch("main"))
    database.close()
    again = Deploys(Database(path), Clock()).of_app(SHOP)
    assert [(one.sha, one.subject, one.branch) for one in again] == [(ONE, "first", "main")]


def test_transactions_are_whole(deploys: Deploys, database: Database) -> None:
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)

    def broken_off() -> None:
        with database.transaction(durable=True) as db:
            db.execute("UPDATE deploys SET status = 'live'")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert deploys.of_app(SHOP)[0].status is DeployStatus.QUEUED
    deploys.accept(SHOP, TWO, trigger=Trigger.PUSH)


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_durable_waits_for_the_disk(database: Database, durable: bool, level: int) -> None:
    with database.transaction(durable=durable) as db:
        assert db.execute("PRAGMA synchronous").fetchone()[0] == level


def test_durable_is_seen_by_others_at_once(deploys: Deploys, path: Path) -> None:
    """What was accepted is there for whoever opens the journal after a kill -9 of ours."""
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT sha, status FROM deploys").fetchall() == [(ONE, "queued")]
    other.close()


def test_full_disk(deploys: Deploys, database: Database) -> None:
    with database.reading() as db:
        db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")

    def fill() -> None:
        for _ in range(200):
            deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, subject="x" * 200)

    with pytest.raises(FileProblem, match="can't be written") as failed:
        fill()
    assert failed.value.hint.startswith("df -h")
    with database.reading() as db:
        db.execute("PRAGMA max_page_count = 100000")
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)


# The file that somebody deletes or replaces while it is open


def test_deleted_file_is_written_anew(deploys: Deploys, database: Database, path: Path) -> None:
    for _ in range(50):
        deploys.accept(BLOG, ONE, trigger=Trigger.PUSH, subject="x" * 500)
    with database.reading() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    deploys.forget(BLOG)  # the new file has other pages, which the log of the old one would lie over
    first = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, subject="one")
    assert database.keep() == ()
    path.unlink()
    second = deploys.accept(SHOP, TWO, trigger=Trigger.PUSH, subject="two")
    [note] = database.keep()
    assert note.startswith(f"the journal {path} was deleted while deployhostd ran; it is written anew")
    assert database.keep() == ()
    third = deploys.accept(BLOG, ONE, trigger=Trigger.PUSH)
    assert sorted(one.name for one in path.parent.iterdir()) == ["journal.db", "journal.db-shm", "journal.db-wal"]
    # As whoever is started after a kill -9 sees it.
    following = Deploys(Database(path), Clock())
    assert following.of_app(SHOP) == [second, first]
    assert following.of_app(BLOG) == [third]
    assert following.highest() == third.id
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert raw.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    raw.close()


@pytest.mark.parametrize("whole", [True, False], ids=["directory", "all its files"])
def test_everything_around_it_deleted(deploys: Deploys, database: Database, path: Path, whole: bool) -> None:
    accepted = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    for file in path.parent.iterdir():
        file.unlink()
    if whole:
        path.parent.rmdir()
    assert len(database.keep()) == 1
    assert Deploys(Database(path), Clock()).of_app(SHOP) == [accepted]


def test_a_file_that_comes_in_the_meantime_is_left(
    deploys: Deploys, database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    path.unlink()
    link = os.link

    def link_later(source: Path, target: Path) -> None:
        target.write_bytes(b"theirs")
        link(source, target)

    monkeypatch.setattr(os, "link", link_later)
    with pytest.raises(FileProblem, match="can't be written again"):
        database.keep()
    assert path.read_bytes() == b"theirs"
    assert deploys.of_app(SHOP) == [accepted]


def test_deleted_file_that_was_damaged(deploys: Deploys, database: Database, path: Path) -> None:
    for _ in range(50):
        deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, subject="x" * 500)
    database.close()
    damaged = Database(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    path.unlink()
    with pytest.raises(FileProblem, match="can't be written again") as told:
        damaged.keep()
    assert told.value.hint in (f"kill {os.getpid()}", "systemctl restart deployhostd"), "as this machine keeps services"
    assert told.value.details == ("deployhostd creates a new one when it starts",)


def test_two_threads(deploys: Deploys) -> None:
    def work(app: AppName) -> None:
        for _ in range(25):
            deploy = deploys.accept(app, ONE, trigger=Trigger.PUSH)
            begun = deploys.begin(deploy, Version(f"{ONE}-{deploy.id}"))
            assert begun is not None
            deploys.timed(deploy.id, Phase("build", 1.0))
            deploys.end(deploy.id, DeployStatus.FAILED)

    threads = [threading.Thread(target=work, args=(app,)) for app in (SHOP, BLOG)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both = deploys.of_app(SHOP, 100) + deploys.of_app(BLOG, 100)
    assert sorted(deploy.id for deploy in both) == list(range(1, 51))
    assert {(deploy.status, deploy.attempt, deploy.phases) for deploy in both} == {
        (DeployStatus.FAILED, 1, (Phase("build", 1.0),))
    }


# Deploys


def test_accepted(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.MANUAL, subject="it", branch=Branch("main"), rebuild=True)
    assert deploy == deploys.get(deploy.id)
    assert (deploy.app, deploy.sha, deploy.subject, deploy.branch) == (SHOP, ONE, "it", "main")
    assert (deploy.trigger, deploy.rebuild, deploy.status) == (Trigger.MANUAL, True, DeployStatus.QUEUED)
    assert (deploy.version, deploy.error, deploy.phases, deploy.attempt) == (None, None, (), 0)


def test_overtaking(deploys: Deploys) -> None:
    """Only queued deploys of the same app, and only those that are overtaken."""
    other = deploys.accept(BLOG, ONE, trigger=Trigger.PUSH)
    running = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    deploys.begin(running, V1)
    spared = deploys.accept(SHOP, ONE, trigger=Trigger.SETTINGS)
    overtaken = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    new = deploys.accept(SHOP, TWO, trigger=Trigger.PUSH, overtakes=lambda one: one.trigger is Trigger.PUSH)
    now = {deploy.id: deploys.get(deploy.id) for deploy in (other, running, spared, overtaken, new)}
    assert [deploy.status for deploy in now.values()] == ["queued", "running", "queued", "superseded", "queued"]
    assert now[overtaken.id].superseded_by == new.id
    assert now[overtaken.id].finished_at is not None
    assert [deploy.id for deploy in deploys.open()] == [other.id, running.id, spared.id, new.id]


def test_begin_is_for_queued_ones(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    begun = deploys.begin(deploy, V1)
    assert begun is not None
    assert (begun.status, begun.version, begun.attempt) == (DeployStatus.RUNNING, V1, 1)
    assert deploys.begin(deploy, V2) is None
    deploys.end(deploy.id, DeployStatus.FAILED)
    assert deploys.begin(deploy, V2) is None
    assert deploys.get(deploy.id).version == V1


def test_begin_takes_what_it_is_given(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.SETTINGS)
    begun = deploys.begin(replace(deploy, sha=TWO, subject="newer"), V2)
    assert begun is not None
    assert (begun.sha, begun.subject) == (TWO, "newer")


def test_stages(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    deploys.begin(deploy, V1)
    deploys.enter(deploy.id, "start", container="c1")
    deploys.enter(deploy.id, "switch", port=8000)
    deploys.timed(deploy.id, Phase("start", 3.5))
    deploys.timed(deploy.id, Phase("switch", 1.5))
    now = deploys.get(deploy.id)
    assert (now.stage, now.container, now.port) == ("switch", "c1", 8000)
    assert now.phases == (Phase("start", 3.5), Phase("switch", 1.5))


def test_requeued(deploys: Deploys) -> None:
    """The next attempt begins with nothing of the one before but its number."""
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    deploys.begin(deploy, V1)
    deploys.enter(deploy.id, "start", container="c1", port=1)
    deploys.timed(deploy.id, Phase("build", 1.0))
    deploys.requeue(deploy.id)
    assert [one.status for one in deploys.open()] == [DeployStatus.QUEUED]
    again = deploys.begin(deploy, V2)
    assert again is not None
    assert (again.attempt, again.version, again.container, again.port, again.phases) == (2, V2, None, None, ())


def test_an_end_is_final(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    error = {"code": "build_failed", "message": "no ü"}
    assert deploys.end(deploy.id, DeployStatus.FAILED, error)
    assert not deploys.end(deploy.id, DeployStatus.CANCELLED)
    deploys.requeue(deploy.id)
    now = deploys.get(deploy.id)
    assert (now.status, now.error) == (DeployStatus.FAILED, error)
    assert not deploys.is_open(deploy.id)
    assert deploys.open() == []


def test_superseded_by(deploys: Deploys) -> None:
    old, new = (deploys.accept(SHOP, sha, trigger=Trigger.PUSH) for sha in (ONE, TWO))
    deploys.end(old.id, DeployStatus.SUPERSEDED, by=new.id)
    assert deploys.get(old.id).superseded_by == new.id


def test_newest(deploys: Deploys) -> None:
    assert deploys.newest(SHOP) is None
    pushed = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    restarted = deploys.accept(SHOP, ONE, trigger=Trigger.RESTART)
    deploys.accept(BLOG, TWO, trigger=Trigger.PUSH)
    assert deploys.newest(SHOP) == restarted
    assert deploys.newest(SHOP, by=Trigger.PUSH) == pushed
    assert deploys.of_app(SHOP, 1) == [restarted]
    assert deploys.apps() == [BLOG, SHOP]


def test_versions_of_a_commit(deploys: Deploys) -> None:
    for sha, version in ((ONE, V1), (ONE, Version(f"{ONE}-2")), (TWO, V2)):
        deploys.begin(deploys.accept(SHOP, sha, trigger=Trigger.PUSH), version)
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    assert deploys.version_numbers(SHOP, ONE) == {ONE, f"{ONE}-2"}
    assert deploys.version_numbers(BLOG, ONE) == set()


def test_the_same_push_again(deploys: Deploys) -> None:
    deploy = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40, "token"))
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40))
    deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40))
    assert deploys.of_push(SHOP, "token") == deploy
    assert deploys.of_push(BLOG, "token") is None
    assert deploys.of_push(SHOP, "other") is None


def test_unknown_deploy(deploys: Deploys) -> None:
    with pytest.raises(NotFound, match="there is no deploy 7"):
        deploys.get(7)
    deploys.timed(7, Phase("build", 1.0))
    deploys.enter(7, "build")
    assert not deploys.end(7, DeployStatus.FAILED)


def test_forgotten(deploys: Deploys) -> None:
    """What runs is cancelled and stays, for whoever runs or follows it; everything else of the app goes."""
    ended = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40, "a"))
    deploys.end(ended.id, DeployStatus.FAILED)
    running = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH, push=Push("refs/heads/main", "0" * 40, "b"))
    deploys.begin(running, V1)
    deploys.timed(running.id, Phase("build", 1.0))
    queued = deploys.accept(SHOP, TWO, trigger=Trigger.PUSH)
    other = deploys.accept(BLOG, ONE, trigger=Trigger.PUSH)
    assert sorted(deploys.forget(SHOP)) == [ended.id, queued.id]
    assert deploys.forget(SHOP) == []
    assert (deploys.is_forgotten(running.id), deploys.is_forgotten(ended.id)) == (True, True)
    assert not deploys.is_forgotten(other.id)
    assert deploys.of_app(SHOP) == [], "it is not what an app of that name, added now, is shown"
    assert (deploys.newest(SHOP), deploys.newest(SHOP, by=Trigger.PUSH), deploys.chosen(SHOP)) == (None, None, None)
    assert deploys.apps() == [BLOG]
    cancelled = deploys.get(running.id)
    assert cancelled.status is DeployStatus.CANCELLED
    assert (cancelled.error or {})["message"] == "shop was removed"
    assert deploys.open() == [other]
    assert deploys.of_push(SHOP, "b") is None
    assert deploys.version_numbers(SHOP, ONE) == {V1}, "its version is taken: its image may be there yet"
    added_again = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    assert added_again.id == other.id + 1, "numbers are never used again"
    assert [(one.id, one.version) for one in deploys.forgotten()] == [(running.id, V1)]
    deploys.sweep(added_again.id)  # that one is not forgotten
    deploys.sweep(running.id)
    assert deploys.of_app(SHOP) == [added_again]
    with pytest.raises(NotFound):
        deploys.get(running.id)
    assert deploys.forgotten() == []


# Releases


def test_went_live(deploys: Deploys, releases: Releases) -> None:
    first = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH)
    deploys.begin(first, V1)
    releases.went_live(release(first.id), [], 9000.0)
    second = deploys.accept(SHOP, TWO, trigger=Trigger.PUSH)
    deploys.begin(second, V2)
    newer = replace(release(second.id, V2, container="c2"), live_since=6000.0)
    releases.went_live(newer, ["c1", "c2"], 9000.0)
    assert releases.live(SHOP) == newer
    assert releases.of_app(SHOP) == [newer, replace(release(first.id), is_live=False)]
    assert [(drain.container, drain.app, drain.stop_at) for drain in releases.drains()] == [("c1", SHOP, 9000.0)]
    ended = deploys.get(second.id)
    assert (ended.status, ended.live_at, ended.finished_at, ended.error) == (DeployStatus.LIVE, 6000.0, 6000.0, None)


def test_went_live_twice(deploys: Deploys, releases: Releases) -> None:
    number = deploys.accept(SHOP, ONE, trigger=Trigger.PUSH).id
    for _ in range(2):
        releases.went_live(release(number), ["c0"], 9000.0)
    assert len(releases.of_app(SHOP)) == 1
    assert len(releases.drains()) == 1


def test_drained(deploys: Deploys, releases: Releases) -> None:
    releases.went_live(release(1), ["c8", "c9"], 9000.0)
    releases.drained("c8")
    releases.drained("c8")
    assert [drain.container for drain in releases.drains()] == ["c9"]


def test_the_live_release_is_never_dropped(releases: Releases) -> None:
    releases.went_live(release(1), [], 0.0)
    releases.went_live(release(2, V2, container="c2"), [], 0.0)
    releases.drop(SHOP, [V1, V2])
    assert [one.version for one in releases.of_app(SHOP)] == [V2]
    releases.drop(BLOG, [V2])
    assert releases.live(SHOP) is not None


def test_forgotten_releases(releases: Releases) -> None:
    releases.went_live(release(1), ["c0"], 0.0)
    releases.went_live(release(2, app=BLOG, container="b1"), ["b0"], 0.0)
    releases.forget(SHOP)
    assert releases.live(SHOP) is None
    assert releases.live(BLOG) is not None
    assert [drain.app for drain in releases.drains()] == [BLOG]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([SHOP, BLOG]), st.sampled_from([V1, V2, Version(f"{ONE}-2")])), max_size=8))
def test_one_live_release_per_app(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[AppName, Version]]
) -> None:
    """In whichever order releases go live, each app has one, the last."""
    database = Database(tmp_path_factory.mktemp("journal") / "journal.db")
    releases, last = Releases(database, Clock()), {}
    for number, (app, version) in enumerate(steps):
        releases.went_live(release(number, version, app), [], 0.0)
        last[app] = version
    assert {app: live.version for app in (SHOP, BLOG) if (live := releases.live(app))} == last
    for app in last:
        assert sum(one.is_live for one in releases.of_app(app)) == 1
    database.close()
