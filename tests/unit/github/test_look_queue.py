"""Looks in threads of their own: one at a time per app, few at once, none forgotten."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from deployhost.daemon.troubles import Troubles
from deployhost.github.delivery_plan import LookAt
from deployhost.github.delivery_rate import MOST, PERIOD
from deployhost.github.look_plan import PushHint
from deployhost.github.look_queue import AT_ONCE, SLOW_AT_ONCE, URGENT, LookQueue, push_hint
from deployhost.model import AppName
from deployhost.system.clock import Clock
from tests.fakes.assembled import Assembled, Server, sha, wait_until
from tests.fakes.on_github import SHOP, OnGitHub, look

BLOG = AppName("blog")
CONNECTION = f"{1:016x}"


@dataclass
class Slow:
    """Looks that last until they are let go."""

    begun: list[tuple[AppName, PushHint | None]] = field(default_factory=list)
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __call__(self, app: AppName, hint: PushHint | None) -> None:
        self.begun.append((app, hint))
        assert self.go.acquire(timeout=10)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def queue(slow: Slow, server: Server) -> Iterator[LookQueue]:
    daemon = server.start()
    queue = LookQueue(
        slow, daemon.sources, Troubles(lambda: 0.0).went_well, daemon.delivery_rate, daemon.looks.branch, daemon.clock
    )
    yield queue
    slow.go.release(1000)
    wait_until(lambda: queue.idle)


def hint(number: int = 1, branch: str = "main") -> PushHint:
    found = push_hint(LookAt(CONNECTION, 7, f"refs/heads/{branch}", sha(number)))
    assert found is not None
    return found


def test_one_at_a_time_per_app_and_another_after_it(queue: LookQueue, slow: Slow) -> None:
    for number in range(5):
        queue.ask(SHOP, hint(number + 1))
    wait_until(lambda: len(slow.begun) == 1)
    assert slow.begun == [(SHOP, hint(1))]
    slow.go.release()
    wait_until(lambda: len(slow.begun) == 2)
    assert slow.begun[1] == (SHOP, hint(5)), "the newest of what was asked meanwhile"
    slow.go.release()
    wait_until(lambda: queue.idle)
    assert len(slow.begun) == 2


@pytest.mark.parametrize("others", [[None, hint()], [hint(), None], [hint(), hint(2, "other")]])
def test_what_was_asked_for_twice_in_different_ways(
    queue: LookQueue, slow: Slow, others: list[PushHint | None]
) -> None:
    queue.ask(SHOP)
    wait_until(lambda: len(slow.begun) == 1)
    for one in others:
        queue.ask(SHOP, one)
    slow.go.release()
    wait_until(lambda: len(slow.begun) == 2)
    assert slow.begun[1] == (SHOP, None), "GitHub is asked"


def test_few_at_once_and_room_for_what_was_just_told(queue: LookQueue, slow: Slow) -> None:
    apps = [AppName(f"a{number}") for number in range(20)]
    for app in apps:
        queue.ask(app)
    wait_until(lambda: len(slow.begun) == AT_ONCE)
    queue.ask(BLOG, hint())
    wait_until(lambda: len(slow.begun) == AT_ONCE + 1)
    assert slow.begun[-1] == (BLOG, hint())
    for number in range(URGENT + 5):
        queue.ask(AppName(f"b{number}"), hint())
    wait_until(lambda: len(slow.begun) == AT_ONCE + URGENT)
    slow.go.release(1000)
    wait_until(lambda: queue.idle)
    assert len(slow.begun) == 20 + 1 + URGENT + 5
    assert len({app for app, _ in slow.begun}) == len(slow.begun)


class OwnTime(Clock):
    """A clock of each thread's own, as if nothing but what it does itself took time."""

    def __init__(self) -> None:
        self.passed = threading.local()

    def monotonic(self) -> float:
        return getattr(self.passed, "seconds", 0.0)


def test_a_github_that_does_not_answer_keeps_no_other_waiting(server: Server) -> None:
    dead = [AppName(f"dead{number}") for number in range(30)]
    clock, go, begun, answers = OwnTime(), threading.Semaphore(1000), list[AppName](), True

    def look_at(app: AppName, _hint: PushHint | None) -> None:
        begun.append(app)
        if app in dead:
            assert answers or go.acquire(timeout=10)
            clock.passed.seconds = 10.0

    daemon = server.start()
    queue = LookQueue(
        look_at, daemon.sources, daemon.troubles.went_well, daemon.delivery_rate, lambda _app: None, clock
    )
    for app in dead:
        queue.ask(app)
    wait_until(lambda: queue.idle)
    answers, go = False, threading.Semaphore(0)
    begun.clear()
    others = [AppName(f"a{number}") for number in range(10)]
    for app in (*dead, *others):
        queue.ask(app)
    wait_until(lambda: set(others) <= set(begun))
    assert len(set(begun) - set(others)) == SLOW_AT_ONCE
    go.release(1000)
    wait_until(lambda: queue.idle)
    assert set(begun) == {*dead, *others}


def test_a_look_that_breaks_is_in_nobodys_way(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[AppName] = []

    def broken(app: AppName, _hint: PushHint | None) -> None:
        seen.append(app)
        raise RuntimeError("no")

    daemon = server.start()
    queue = LookQueue(
        broken, daemon.sources, Troubles(lambda: 0.0).went_well, daemon.delivery_rate, daemon.looks.branch, daemon.clock
    )
    for app in (SHOP, BLOG, SHOP):
        queue.ask(app)
    wait_until(lambda: queue.idle)
    assert {*seen} == {SHOP, BLOG}
    assert "looking at the repository of shop failed" in caplog.text


@pytest.mark.parametrize(
    ("ref", "after"),
    [("", ""), ("refs/tags/v1", sha(1)), ("refs/heads/main", "0" * 40), ("refs/heads/main", "a" * 64), ("refs/heads/a..b", sha(1)),
     ("refs/heads/main", "")],
)  # fmt: skip
def test_what_is_no_push_of_a_commit_to_a_branch(ref: str, after: str) -> None:
    assert push_hint(LookAt(CONNECTION, 7, ref, after)) is None
    assert push_hint(LookAt(CONNECTION, None, "refs/heads/main", sha(1))) is None


def test_a_delivery(server: Server) -> None:
    there = OnGitHub(server, sha(1))
    there.add()
    there.add("blog")
    daemon: Assembled = server.start()
    look(daemon)
    look(daemon, BLOG)
    asked: list[tuple[AppName, PushHint | None]] = []
    queue = LookQueue(
        lambda app, hint: asked.append((app, hint)),
        daemon.sources,
        daemon.troubles.went_well,
        daemon.delivery_rate,
        daemon.looks.branch,
        daemon.clock,
    )
    queue.take(LookAt(CONNECTION, there.shop.id, "refs/heads/main", sha(2)))
    wait_until(lambda: queue.idle)
    assert sorted(app for app, _ in asked) == ["blog", "shop"]
    assert {one.after for _, one in asked if one} == {sha(2)}
    queue.take(LookAt(CONNECTION, 424242, "refs/heads/main", sha(2)))
    wait_until(lambda: queue.idle)
    assert len(asked) == 2, "of no app of ours"
    queue.take(LookAt(CONNECTION, None))
    wait_until(lambda: queue.idle)
    assert sorted(asked[2:]) == [("blog", None), ("shop", None)]


def test_deliveries_without_end(server: Server) -> None:
    """As of a listener that somebody took over: they cause few looks, and a push to the app's branch still causes one."""
    there = OnGitHub(server, sha(1))
    there.add()
    daemon = server.start()
    look(daemon)
    asked: list[PushHint | None] = []
    queue = LookQueue(
        lambda _app, hint: asked.append(hint),
        daemon.sources,
        daemon.troubles.went_well,
        daemon.delivery_rate,
        daemon.looks.branch,
        daemon.clock,
    )
    for number in range(200):
        for ref in ("", "refs/heads/main", f"refs/heads/other-{number}"):
            queue.take(LookAt(there.connection.id, there.shop.id, ref, sha(number + 1) if ref else ""))
        queue.take(LookAt(there.connection.id, None))
        queue.take(LookAt(f"{number:016x}", there.shop.id, f"refs/heads/other-{number}", sha(1)))
        wait_until(lambda: queue.idle)
    assert len(asked) <= 2 * MOST
    assert all(one is None or one.branch == "main" for one in asked)
    daemon.clock.sleep(PERIOD)
    asked.clear()
    queue.take(LookAt(there.connection.id, there.shop.id, "refs/heads/main", sha(2)))
    wait_until(lambda: queue.idle)
    assert len(asked) == 1
