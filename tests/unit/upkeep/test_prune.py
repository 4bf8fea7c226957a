"""Removing what apps no longer need, on the fakes: what must stay stays, whatever it is called."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployhost.build.sources.names import fetched_image
from deployhost.config.server import ServerSettings
from deployhost.control.messages import Message
from deployhost.daemon.operations import server
from deployhost.journal.builds import Builds
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.releases import Releases
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, DeployStatus, ProcessName, Release, Sha, Trigger, Version
from deployhost.system.clock import CLOCK
from deployhost.system.docker_model import CacheRecord, ContainerSpec
from deployhost.upkeep.disk_plan import GIB, Space
from deployhost.upkeep.disk_space import Disks, space
from deployhost.upkeep.prune import Pruner
from tests.fakes.docker import Behaviour, Engine, FakeDocker

SHOP = AppName("shop")
WORKER = ProcessName("worker")
MIB = 1024**2


class Room(Disks):
    """A disk of 100 GB of which half is free."""

    def engine(self) -> Space:
        return Space("/var/lib/docker", 100 * GIB, 50 * GIB)


class World:
    """An engine, a journal and a pruner; `release` has a version live as a deploy does."""

    def __init__(self, root: Path) -> None:
        self.now = 1_000_000.0
        self.engine = Engine()
        self.docker = FakeDocker(self.engine)
        database = Database(root / "journal.db")
        self.deploys = Deploys(database, self.clock)
        self.releases = Releases(database, self.clock)
        self.builds = Builds(database, self.clock)
        self.disks = Room(docker=self.docker, state=root, measure=space)
        self.pruner = Pruner(
            docker=self.docker,
            deploys=self.deploys,
            releases=self.releases,
            events=EventLog(root / "logs"),
            builds=self.builds,
            settings=ServerSettings(root / "server.yml"),
            disks=self.disks,
            clock=CLOCK,
        )
        self.database = database

    def clock(self) -> float:
        self.now += 1
        return self.now

    def version(self, number: int) -> Version:
        return Version(f"{number:040x}")

    def container(self, number: int, process: ProcessName = WEB, *, app: AppName = SHOP, running: bool = False) -> str:
        """Have a container as the engines make it, its image too."""
        version = self.version(number)
        reference = contract.image(app, version)
        if self.engine.look_up(reference) is None:
            self.engine.add_image(Behaviour(), reference, labels={"service": app, "deployhost.app": app})
        spec = ContainerSpec(
            name=contract.container_name(app, process, version),
            image=reference,
            labels=contract.role_labels(app, process),
        )
        container = self.docker.create(spec)
        self.docker.start(container)
        if not running:
            self.docker.stop(container)
        return container

    def release(self, number: int, *, running: bool = False) -> None:
        web = self.container(number, running=running)
        self.container(number, WORKER, running=running)
        image = self.engine.look_up(contract.image(SHOP, self.version(number)))
        assert image is not None
        deploy = self.deploys.accept(SHOP, Sha(f"{number:040x}"), trigger=Trigger.PUSH)
        begun = self.deploys.begin(deploy, self.version(number))
        assert begun is not None
        self.releases.went_live(
            Release(
                SHOP, self.version(number), Sha(f"{number:040x}"), "s", image.id, web, 80, begun.id, self.clock(), True
            ),
            (),
            self.now,
        )

    def names(self) -> set[str]:
        return {one.name for one in self.engine.containers.values()}

    def tags(self) -> set[str]:
        return {tag for image in self.engine.images.values() for tag in image.tags}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.database.close()


def test_only_what_is_old_goes(world: World) -> None:
    for number in range(1, 10):
        world.release(number, running=number == 9)
    world.pruner.prune(SHOP)
    kept = [world.version(number) for number in range(4, 10)]
    assert world.names() == {f"shop-{process}-{version}" for version in kept for process in ("web", "worker")}
    assert world.tags() == {contract.image(SHOP, version) for version in kept}
    assert {release.version for release in world.releases.of_app(SHOP)} == set(kept)
    assert not world.pruner.surplus(SHOP).decided, "what was pruned needs no pruning"


def test_what_a_killed_build_had_fetched_goes_once_no_build_may_need_it(world: World) -> None:
    world.engine.add_image(Behaviour(), fetched_image(SHOP))
    world.engine.add_image(Behaviour(), fetched_image(AppName("blog")))
    deploy = world.deploys.accept(SHOP, Sha("1" * 40), trigger=Trigger.PUSH)
    world.pruner.prune(SHOP)
    assert fetched_image(SHOP) in world.tags(), "it may be being built"
    world.deploys.end(deploy.id, DeployStatus.CANCELLED)
    world.pruner.prune(SHOP)
    assert world.tags() == {fetched_image(AppName("blog"))}


def test_what_somebody_else_made_stays_whatever_it_is_called(world: World) -> None:
    for number in range(1, 10):
        world.release(number, running=number == 9)
    world.engine.add_image(Behaviour(), "127.0.0.1:5555/shop:mine", "shop:x", labels={})
    world.engine.add_image(Behaviour(), "someone/shop:1", labels={"service": "shop"})
    foreign = (
        ContainerSpec(name=f"shop-web-{'f' * 40}", image="shop:x", labels={}),
        ContainerSpec(name="shop-web-labelled", image="shop:x", labels={"service": "shop"}),
        ContainerSpec(name="shop-web-role", image="shop:x", labels={"service": "shop", "role": "web"}),
        ContainerSpec(
            name="shop-web-staging", image="shop:x", labels={"service": "shop", "role": "web", "destination": "staging"}
        ),
        ContainerSpec(name="odd", image="shop:x", labels=contract.role_labels(SHOP, WEB)),
    )
    for spec in foreign:
        world.docker.create(spec)
    world.container(1, app=AppName("shop-2"))
    world.pruner.prune(SHOP)
    assert {spec.name for spec in foreign} <= world.names()
    assert f"shop-2-web-{world.version(1)}" in world.names()
    assert {"127.0.0.1:5555/shop:mine", "shop:x", "someone/shop:1"} <= world.tags()


def test_a_deploy_that_is_under_way_loses_nothing(world: World) -> None:
    for number in range(1, 10):
        world.release(number, running=number == 9)
    world.container(20)
    begun = world.deploys.begin(world.deploys.accept(SHOP, Sha(f"{20:040x}"), trigger=Trigger.PUSH), world.version(20))
    assert begun is not None
    for number in range(21, 25):
        world.container(number)  # of deploys that failed meanwhile
    world.pruner.prune(SHOP)
    assert f"shop-web-{world.version(20)}" in world.names()
    assert contract.image(SHOP, world.version(20)) in world.tags()
    assert f"shop-web-{world.version(21)}" not in world.names()


def test_images_without_a_name_go_if_they_are_ours_and_unused(world: World) -> None:
    world.release(1, running=True)
    ours = world.engine.add_image(Behaviour(), labels={"service": "shop", "deployhost.app": "shop"})
    foreign = world.engine.add_image(Behaviour(), labels={"service": "shop"})
    world.pruner.prune(SHOP)
    assert ours.id not in world.engine.images
    assert foreign.id in world.engine.images


def test_what_somebody_starts_meanwhile_stays_and_the_rest_goes(world: World) -> None:
    for number in range(1, 10):
        world.release(number, running=number == 9)
    decided = world.pruner.surplus(SHOP)
    started = decided.decided.containers[0]
    world.docker.start(started)
    world.pruner.remove(decided)
    assert started in world.engine.containers
    assert not set(decided.decided.containers[1:]) & set(world.engine.containers)


def cached(name: str, created: float, size: int = GIB) -> CacheRecord:
    return CacheRecord(name, size, in_use=False, shared=False, created=created, last_used=created)


def test_the_cache_of_our_builds_is_kept_within_its_budget(world: World) -> None:
    for number in range(8):
        build = world.builds.begin()
        world.engine.cache[f"ours{number}"] = cached(f"ours{number}", world.now)
        build.end()
        world.clock()
        world.engine.cache[f"foreign{number}"] = cached(f"foreign{number}", world.clock(), 50 * GIB)
    world.engine.cache["used"] = replace(cached("used", 1_000_001.0), in_use=True)
    world.pruner.prune(SHOP)
    left = {name for name in world.engine.cache if name.startswith("ours")}
    assert left == {"ours5", "ours6", "ours7"}, "4 GB of the 100, and room for the next"
    assert sum(name.startswith("foreign") for name in world.engine.cache) == 8
    assert "used" in world.engine.cache


def test_for_a_full_disk_more_of_the_cache_goes(world: World) -> None:
    build = world.builds.begin()
    for number in range(3):
        world.engine.cache[str(number)] = cached(str(number), world.now)
    build.end()
    assert world.pruner.cache_surplus() == []
    assert [one.id for one in world.pruner.cache_surplus(GIB)] == ["0", "1", "2"]
    assert len(world.pruner.cache_surplus(GIB // 2)) == 2


def test_the_cache_is_looked_at_now_and_then_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    def look() -> list[CacheRecord]:
        looks.append("a look")
        return []

    monkeypatch.setattr(world.docker, "build_cache", look)
    world.builds.begin().end()
    for _ in range(21):
        world.pruner.prune(SHOP)
    assert len(looks) == 3, "at first, then after every ten deploys"


def test_builds_that_no_record_reminds_of_are_forgotten(world: World) -> None:
    for _ in range(3):
        world.builds.begin().end()
        world.clock()
    newest = world.builds.spans()[-1]
    world.engine.cache["a"] = cached("a", newest.start)
    world.pruner.cache_surplus()
    assert world.builds.spans() == [newest]


def ask(world: World, **request: object) -> Message:
    apps, registry = SimpleNamespace(known=[SHOP]), SimpleNamespace(run=lambda: None)
    parts = SimpleNamespace(pruner=world.pruner, disks=world.disks, apps=apps, registry=registry)
    return server.prune(cast("Any", parts), dict(request), lambda _event: None)


def test_the_verb_says_what_would_go_and_then_what_went(world: World) -> None:
    for number in range(1, 8):
        world.release(number, running=number == 7)
    before = world.names()
    told = ask(world, dry_run=True)
    assert world.names() == before
    first = world.version(1)
    assert told["apps"] == [
        {
            "app": "shop",
            "containers": [f"shop-worker-{first}", f"shop-web-{first}"],
            "images": [contract.image(SHOP, first)],
        }
    ]
    assert (told["applied"], told["cache"]) == (False, {"records": 0, "bytes": 0})
    done = ask(world)
    assert done == {**told, "applied": True}
    assert world.names() == before - {f"shop-worker-{first}", f"shop-web-{first}"}
    assert ask(world)["apps"] == [{"app": "shop", "containers": [], "images": []}]
