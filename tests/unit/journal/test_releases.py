"""Releases in the journal: which is live, and what is dropped."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.model import AppName, DeployStatus, Release, Sha, Trigger, Version
from tests.fakes.journal import Ticking

SHOP, BLOG = AppName("shop"), AppName("blog")
ONE, TWO = Sha("1" * 40), Sha("2" * 40)
V1, V2 = Version(ONE), Version(TWO)


def release(number: int, version: Version = V1, app: AppName = SHOP, container: str = "c1") -> Release:
    return Release(app, version, version.sha, "a subject", "sha256:1", container, 8080, number, 5000.0, is_live=True)


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
    releases, last = Releases(database, Ticking()), {}
    for number, (app, version) in enumerate(steps):
        releases.went_live(release(number, version, app), [], 0.0)
        last[app] = version
    assert {app: live.version for app in (SHOP, BLOG) if (live := releases.live(app))} == last
    for app in last:
        assert sum(one.is_live for one in releases.of_app(app)) == 1
    database.close()
