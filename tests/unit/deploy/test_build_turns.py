"""One build at a time: who has to wait says for whom, has a phase for it, keeps its place, and can be cancelled meanwhile."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployhost.build.sources.names import fetched_image
from deployhost.deploy.build_turns import BuildTurns
from deployhost.model import AppName, Deploy, DeployStatus, Trigger
from deployhost.system.stop import Deadline
from deployhost.upkeep.disk_plan import Space
from deployhost.upkeep.disk_watch import DiskWatch
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
    assert [phase.name for phase in ended[1].phases][:5] == ["queue", "fetch", "plan", "wait", "build"]
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


def test_what_was_fetched_goes_with_a_build_that_never_began(
    server: Server, builds: Builds, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, blog = server.add("shop"), server.add("blog")
    builds.daemon.fake_builder.fetches = True
    monkeypatch.setattr(builds.daemon.pruner, "prune", lambda _app: None)
    first = builds.begin(shop)
    wait_until(lambda: builds.building == [shop])
    second = builds.begin(blog)
    wait_until(lambda: builds.notes(second) != [])
    assert server.engine.look_up(fetched_image(blog)) is not None
    assert builds.daemon.cancellations.ask(second.id, "ada")
    wait_until(lambda: status(builds.daemon, second) is DeployStatus.CANCELLED)
    assert server.engine.look_up(fetched_image(blog)) is None
    builds.end()
    assert status(builds.daemon, first) is DeployStatus.LIVE
    assert server.engine.look_up(fetched_image(shop)) is None


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


def test_a_build_that_lasts_keeps_nobody_out(server: Server, builds: Builds) -> None:
    shop, blog, wiki = server.add("shop"), server.add("blog"), server.add("wiki")
    builds.daemon.turns.lasting = 0.05
    first = builds.begin(shop)
    wait_until(lambda: builds.building == [shop])
    second = builds.begin(blog)
    wait_until(lambda: builds.building == [shop, blog])
    third = builds.begin(wiki)
    wait_until(lambda: builds.building == [shop, blog, wiki])
    builds.end()
    assert [status(builds.daemon, one) for one in (first, second, third)] == [DeployStatus.LIVE] * 3
    assert builds.daemon.turns._building == []


def test_a_pull_keeps_nobody_out(server: Server, builds: Builds) -> None:
    """A registry that trickles held all builds of the server."""
    shop, blog = server.add("shop"), server.add("blog")
    trickles, pulling = threading.Event(), threading.Event()

    def pull() -> None:
        pulling.set()
        trickles.wait(30)

    builds.daemon.fake_builder.pulls = pull
    first = builds.begin(shop)
    assert pulling.wait(5)
    wait_until(lambda: builds.daemon.deploys.get(first.id).stage == "pull")
    builds.daemon.fake_builder.pulls = None
    builds.goes_on.set()
    second = builds.begin(blog)
    wait_until(lambda: status(builds.daemon, second) is DeployStatus.LIVE)
    assert builds.building == [blog]
    assert builds.daemon.cancellations.ask(first.id, "ada")
    wait_until(lambda: status(builds.daemon, first) is DeployStatus.CANCELLED)
    trickles.set()


def test_all_until_the_image_has_one_time_together(server: Server, builds: Builds) -> None:
    shop = server.add("shop")
    server.paths.server_yml.write_text("build_timeout: 10\n")
    trickles = threading.Event()
    builds.daemon.fake_builder.pulls = lambda: trickles.wait(30)
    running = Deadline.running
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            Deadline, "running", lambda self, stop, seconds, over: running(self, stop, seconds / 1000, over)
        )
        deploy = builds.begin(shop)
        wait_until(lambda: status(builds.daemon, deploy) is DeployStatus.FAILED)
    said = builds.daemon.deploys.get(deploy.id).error or {}
    assert said["message"] == "the build did not end within 10 s and was stopped"
    assert said["hint"].endswith("server.yml")
    trickles.set()


def test_a_full_disk_ends_the_build_and_takes_away_what_it_checked_out(server: Server, builds: Builds) -> None:
    shop = server.add("shop")
    trickles = threading.Event()
    builds.daemon.fake_builder.pulls = lambda: trickles.wait(30)
    builds.daemon.disk_watch.every = 0.002
    deploy = builds.begin(shop)
    wait_until(lambda: builds.daemon.deploys.get(deploy.id).stage == "pull")
    assert server.paths.build_tree(shop).is_dir()
    builds.daemon.disks.measure = lambda path: Space(str(server.paths.state), 2**40, 2**30, 2**20, 2**19)
    wait_until(lambda: status(builds.daemon, deploy) is DeployStatus.FAILED)
    assert (builds.daemon.deploys.get(deploy.id).error or {})["code"] == "disk_full"
    assert not server.paths.build_tree(shop).exists()
    trickles.set()


def test_a_disk_is_watched_once_it_has_room(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making room takes a while; the build that it is made for must not be ended meanwhile."""
    shop, daemon = server.add("shop"), server.start()
    daemon.disk_watch.every = 0.002
    watched: list[int] = []
    monkeypatch.setattr(DiskWatch, "_look", lambda self: watched.append(len(self._watched)))

    def room(_note: object) -> None:
        time.sleep(0.05)
        assert watched == []

    monkeypatch.setattr(daemon, "pipeline", replace(daemon.pipeline, bounds=replace(daemon.bounds, room=room)))
    assert daemon.deploy(shop, ONE).status is DeployStatus.LIVE
    assert daemon.deploy(shop, ONE, Trigger.RESTART).status is DeployStatus.LIVE
