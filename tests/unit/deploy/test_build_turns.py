"""One build at a time: who has to wait says for whom, has a phase for it, keeps its place, and can be cancelled meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployhost.deploy.build_turns import BuildTurns
from deployhost.model import AppName, Deploy, DeployStatus, Trigger
from tests.fakes.assembled import Assembled, Server, settle, sha, wait_until

ONE, TWO = sha(1), sha(2)


class Builds:
    """Builds that go on until they are told to end, each in a thread of its own."""

    def __init__(self, server: Server) -> None:
        self.server, self.daemon = server, server.start()
        self.goes_on = threading.Event()
        self.building: list[str] = []
        self.daemon.fake_builder.during = self._during
        self._threads: list[threading.Thread] = []

    def _during(self) -> None:
        self.building.append(threading.current_thread().name)
        assert self.goes_on.wait(30)

    def begin(self, app: AppName, trigger: Trigger = Trigger.PUSH) -> Deploy:
        deploy = self.daemon.accept(app, ONE, trigger)
        self._threads.append(threading.Thread(target=self.daemon.pipeline.run, args=(deploy,), name=app))
        self._threads[-1].start()
        return deploy

    def end(self) -> None:
        self.goes_on.set()
        for thread in self._threads:
            thread.join(5)
        settle()

    def notes(self, deploy: Deploy) -> list[str]:
        return [event["text"] for event in self.daemon.told(deploy) if event["event"] == "note"]


@pytest.fixture
def builds(server: Server) -> Iterator[Builds]:
    with ExitStack() as stack:
        builds = Builds(server)
        stack.callback(builds.end)
        yield builds


def status(daemon: Assembled, deploy: Deploy) -> DeployStatus:
    return daemon.deploys.get(deploy.id).status


def test_who_waits_says_so(server: Server, builds: Builds) -> None:
    shop, blog, wiki = server.add("shop"), server.add("blog"), server.add("wiki")
    first = builds.begin(shop)
    wait_until(lambda: builds.building == [shop])
    second = builds.begin(blog)
    wait_until(lambda: builds.notes(second) == ["waiting for the build of shop"])
    third = builds.begin(wiki)
    wait_until(lambda: builds.notes(third) == ["waiting for the build of shop"])
    assert builds.daemon.deploys.get(second.id).stage == "wait"
    builds.end()
    assert builds.building == [shop, blog, wiki], "first come, first served"
    ended = [builds.daemon.deploys.get(one.id) for one in (first, second, third)]
    assert [one.status for one in ended] == [DeployStatus.LIVE] * 3
    assert [[phase.name for phase in one.phases].count("wait") for one in ended] == [0, 1, 1]
    assert [phase.name for phase in ended[1].phases][:3] == ["queue", "wait", "fetch"]
    assert builds.notes(first) == []


def test_a_cancel_ends_the_wait(server: Server, builds: Builds) -> None:
    shop, blog, wiki = server.add("shop"), server.add("blog"), server.add("wiki")
    builds.begin(shop)
    wait_until(lambda: builds.building == [shop])
    second = builds.begin(blog)
    wait_until(lambda: builds.notes(second) != [])
    third = builds.begin(wiki)
    wait_until(lambda: builds.notes(third) != [])
    assert builds.daemon.cancellations.ask(second.id, "ada")
    wait_until(lambda: status(builds.daemon, second) is DeployStatus.CANCELLED)
    assert builds.building == [shop], "while the other still builds"
    builds.end()
    assert status(builds.daemon, third) is DeployStatus.LIVE
    assert builds.building == [shop, wiki]


def test_what_builds_nothing_does_not_wait(server: Server, builds: Builds) -> None:
    shop, blog = server.add("shop"), server.add("blog")
    builds.goes_on.set()
    builds.begin(blog)
    builds.end()
    builds.goes_on.clear()
    builds.begin(shop)
    wait_until(lambda: builds.building == [blog, shop])
    restart = builds.begin(blog, Trigger.RESTART)
    wait_until(lambda: status(builds.daemon, restart) is DeployStatus.LIVE)


def test_how_many_is_asked_anew_each_time() -> None:
    at_once = 1
    turns = BuildTurns(lambda: at_once)
    first, second = (cast("Any", SimpleNamespace(deploy=SimpleNamespace(app=name))) for name in ("shop", "blog"))
    with turns.turn(first):
        assert turns._ahead() == ["shop"]
        at_once = 2
        with turns.turn(second):
            assert turns._ahead() == ["shop", "blog"]
