"""What is to be posted of deploys: each outcome, once, and an end for all that is pending."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.errors import DeployCancelled
from deployhost.github.status_plan import (
    A_MINUTE,
    AN_HOUR,
    DISCONNECTED,
    FOR_ENDS,
    LONGEST,
    StatusPost,
    StatusTarget,
    described,
    last_posts,
    next_write,
    to_post,
)
from deployhost.journal.posted import PostedState, PostedStatus
from deployhost.model import AppName, Deploy, DeployStatus, Sha, Trigger
from tests.fakes.assembled import sha

SHOP = AppName("shop")
TARGET = StatusTarget(SHOP, 17, "0" * 16)
URLS = {SHOP: "https://shop.example.com"}


def deploy(number: int, status: DeployStatus, commit: Sha | None = None, **values: Any) -> Deploy:
    given: dict[str, Any] = {
        "id": number, "app": SHOP, "sha": commit or sha(number), "subject": "", "branch": None, "trigger": Trigger.PUSH,
        "rebuild": False, "status": status, "stage": "", "attempt": 1, "version": None, "container": None, "port": None,
        "requested_at": 100.0, "started_at": 101.0, "live_at": 112.3 if status is DeployStatus.LIVE else None,
        "finished_at": 112.3, "superseded_by": None, "error": None,
    }  # fmt: skip
    return Deploy(**(given | values))


def posts(*deploys: Deploy, posted: tuple[PostedStatus, ...] = (), targets: tuple[StatusTarget, ...] = (TARGET,)) -> list[StatusPost]:  # fmt: skip
    return to_post(deploys, targets, posted, URLS)


def told(one: Deploy) -> tuple[str, str]:
    (post,) = posts(one)
    assert (post.app, post.sha, post.repository, post.deploy) == (SHOP, one.sha, 17, one.id)
    assert post.context == "deployhost/shop"
    return post.state, post.description


def test_each_outcome() -> None:
    failed = {"message": "the build failed"}
    assert told(deploy(1, DeployStatus.RUNNING)) == ("pending", "Deploying")
    assert told(deploy(1, DeployStatus.LIVE)) == ("success", "Live at https://shop.example.com after 12 s")
    assert told(deploy(1, DeployStatus.LIVE, live_at=103.21)) == (
        "success",
        "Live at https://shop.example.com after 3.2 s",
    )
    assert told(deploy(1, DeployStatus.FAILED, error=failed)) == ("failure", "the build failed")
    assert told(deploy(1, DeployStatus.FAILED)) == ("failure", "The deploy failed")
    assert told(deploy(1, DeployStatus.SUPERSEDED)) == ("error", "Superseded by a newer commit")
    assert told(deploy(1, DeployStatus.CANCELLED)) == ("error", "Cancelled")
    assert told(deploy(1, DeployStatus.CANCELLED, error={"message": "cancelled by you"})) == (
        "error",
        "Cancelled by you",
    )
    assert told(deploy(1, DeployStatus.LIVE, error={"message": "it restarts"})) == (
        "failure",
        "Failed after it went live: it restarts",
    )


def test_a_wish_to_cancel_that_came_too_late() -> None:
    assert told(deploy(1, DeployStatus.LIVE, error=DeployCancelled("cancelled by you").to_json()))[0] == "success"


def test_the_address_is_the_target_of_a_success_alone() -> None:
    assert posts(deploy(1, DeployStatus.LIVE))[0].target_url == "https://shop.example.com"
    assert posts(deploy(1, DeployStatus.FAILED))[0].target_url == ""
    (post,) = to_post([deploy(1, DeployStatus.LIVE)], [TARGET], [], {})
    assert (post.description, post.target_url) == ("Live after 12 s", "")


@pytest.mark.parametrize("status", [DeployStatus.QUEUED, DeployStatus.SUPERSEDED, DeployStatus.CANCELLED])
def test_nothing_is_told_of_what_did_not_run(status: DeployStatus) -> None:
    assert posts(deploy(1, status, started_at=None)) == []


@pytest.mark.parametrize("trigger", sorted(set(Trigger) - {Trigger.PUSH, Trigger.MANUAL}))
def test_nothing_is_told_of_what_repeats_a_release(trigger: Trigger) -> None:
    assert posts(deploy(1, DeployStatus.LIVE, trigger=trigger)) == []


def test_nothing_is_told_of_an_app_without_a_repository() -> None:
    assert posts(deploy(1, DeployStatus.LIVE), targets=()) == []


def test_what_is_posted_is_not_posted_again() -> None:
    for status in (DeployStatus.RUNNING, DeployStatus.LIVE, DeployStatus.FAILED, DeployStatus.CANCELLED):
        one = deploy(1, status)
        (post,) = posts(one)
        assert posts(one, posted=(post.posted(5),)) == []


def test_pending_ends() -> None:
    (begun,) = posts(deploy(1, DeployStatus.RUNNING))
    (ended,) = posts(deploy(1, DeployStatus.LIVE), posted=(begun.posted(5),))
    assert ended.state == "success"
    (failed,) = posts(deploy(1, DeployStatus.LIVE, error={"message": "x"}), posted=(ended.posted(6),))
    assert failed.state == "failure"


def test_one_that_was_begun_again_is_pending_all_the_time() -> None:
    (begun,) = posts(deploy(1, DeployStatus.RUNNING))
    again = deploy(1, DeployStatus.QUEUED)
    assert posts(again, posted=(begun.posted(5),)) == []
    (ended,) = posts(replace(again, status=DeployStatus.SUPERSEDED), posted=(begun.posted(5),))
    assert ended.state == "error"


def test_the_newest_deploy_of_a_commit_decides() -> None:
    first, second = deploy(1, DeployStatus.FAILED, sha(5)), deploy(2, DeployStatus.LIVE, sha(5))
    (post,) = posts(first, second)
    assert (post.deploy, post.state) == (2, "success")
    (before,) = posts(first)
    (post,) = posts(first, second, posted=(before.posted(5),))
    assert post.deploy == 2
    assert posts(first, second, posted=(post.posted(5),)) == []
    assert posts(first, posted=(post.posted(5),)) == [], "a later one was told of already"
    assert posts(first, deploy(2, DeployStatus.QUEUED, sha(5), started_at=None), posted=(before.posted(5),)) == []


def test_ends_come_first() -> None:
    (begun,) = posts(deploy(2, DeployStatus.RUNNING))
    found = posts(deploy(1, DeployStatus.RUNNING), deploy(2, DeployStatus.LIVE), posted=(begun.posted(5),))
    assert [(one.deploy, one.state) for one in found] == [(2, "success"), (1, "pending")]


def test_pending_ends_where_it_began_also_once_the_app_has_another_repository_or_none() -> None:
    (begun,) = posts(deploy(1, DeployStatus.RUNNING))
    other = replace(TARGET, repository=18, connection="f" * 16)
    for targets in ((other,), ()):
        (ended,) = posts(deploy(1, DeployStatus.LIVE), posted=(begun.posted(5),), targets=targets)
        assert (ended.repository, ended.connection) == (17, "0" * 16)


def test_a_connection_that_was_made_anew_goes_on() -> None:
    (begun,) = posts(deploy(1, DeployStatus.RUNNING))
    again = replace(TARGET, connection="f" * 16)
    (ended,) = posts(deploy(1, DeployStatus.LIVE), posted=(begun.posted(5),), targets=(again,))
    assert ended.connection == "f" * 16


def test_the_app_was_removed() -> None:
    (begun,) = posts(deploy(1, DeployStatus.RUNNING))
    (ended,) = posts(posted=(begun.posted(5),), targets=())
    assert (ended.state, ended.description, ended.sha) == ("error", "The app was removed", sha(1))
    assert posts(posted=(ended.posted(6),), targets=()) == []


STATUSES = st.sampled_from(DeployStatus)
DEPLOYS = st.lists(st.tuples(STATUSES, st.integers(1, 3), st.booleans(), st.sampled_from(Trigger)), max_size=6)


@given(DEPLOYS, st.lists(st.integers(0, 5), max_size=3))
def test_posting_comes_to_an_end_and_leaves_nothing_pending_that_has_ended(
    found: list[tuple[DeployStatus, int, bool, Trigger]], lost: list[int]
) -> None:
    """Whatever is there, a second look after posting finds nothing; and once all has ended, nothing is pending."""
    deploys = [
        deploy(number, status, sha(commit), started_at=1.0 if started else None, trigger=trigger)
        for number, (status, commit, started, trigger) in enumerate(found, start=1)
    ]
    record: dict[object, PostedStatus] = {}

    def post_all(deploys: list[Deploy]) -> None:
        for post in to_post(deploys, [TARGET], record.values(), URLS):
            record[post.key] = post.posted(0)
        assert to_post(deploys, [TARGET], record.values(), URLS) == []

    post_all(deploys)
    ended = [
        replace(one, status=DeployStatus.FAILED) if not one.status.ended else one
        for one in deploys
        if one.id not in lost
    ]
    post_all(ended)
    assert "pending" not in {one.state for one in record.values()}


def test_a_description_is_one_line_of_140_characters() -> None:
    assert described("a\n  b\tc ") == "a b c"
    assert described("x" * LONGEST) == "x" * LONGEST
    assert described("x" * 141) == "x" * 139 + "…"


def test_writes_are_a_second_apart() -> None:
    assert next_write([], 50.0, pending=True) == 50.0
    assert next_write([49.5], 50.0, pending=False) == 50.5
    assert next_write([10.0], 50.0, pending=False) == 50.0


def test_githubs_limits() -> None:
    minute = [float(number) for number in range(A_MINUTE)]
    assert next_write(minute, 69.0, pending=False) == 70.0
    assert next_write(minute, 69.0, pending=False) - minute[0] >= 60
    hour = [number * 2.0 for number in range(AN_HOUR - FOR_ENDS)]
    assert next_write(hour, 900.0, pending=False) == 900.0
    assert next_write(hour, 900.0, pending=True) == 3600.0
    hour = [number * 2.0 for number in range(AN_HOUR)]
    assert next_write(hour, 900.0, pending=False) == 3600.0


@given(st.lists(st.booleans(), max_size=600))
def test_no_hour_and_no_minute_has_too_many(kinds: list[bool]) -> None:
    written: list[float] = []
    for pending in kinds:
        now = written[-1] if written else 0.0
        written.append(next_write(written, now, pending=pending))
    for number, at in enumerate(written):
        assert number < 80 or at - written[number - 80] > 60
        assert number < 500 or at - written[number - 500] > 3600
        assert number == 0 or at - written[number - 1] >= 1


def test_what_is_posted_before_a_connection_ends() -> None:
    """Ends that are known, and one for what is still pending; nothing of other connections, and no beginning."""

    def post(number: int, state: PostedState, by: str = "gone") -> StatusPost:
        return StatusPost(
            app=SHOP, sha=sha(number), repository=1, connection=by, deploy=number, state=state, description=state
        )

    wanted = [post(1, "success"), post(2, "pending"), post(3, "failure", "other")]
    posted = [post(1, "pending").posted(0.0), post(3, "pending", "other").posted(0.0), post(4, "pending").posted(0.0)]
    posted.append(post(5, "success").posted(0.0))
    found = last_posts(wanted, posted, "gone")
    assert [(one.deploy, one.state, one.description) for one in found] == [
        (1, "success", "success"),
        (4, "error", DISCONNECTED),
    ]
