"""Where a base image comes from, in which order, at what price, and what is remembered."""

import contextlib
import json
import threading
import time
from pathlib import Path

import pytest

from deployhost.build.bases import Bases
from deployhost.build.labels import STAND_IN_LABEL
from deployhost.build.registries import Reference
from deployhost.build.sources.sources_plan import Origin
from deployhost.build.stand_in import StandIns
from deployhost.build.stand_in_plan import StandInRecipe
from deployhost.config.server import MIRRORS
from deployhost.errors import BaseImageUnavailable, CommandStopped, DockerUnavailable
from deployhost.system.docker_model import EngineInfo
from deployhost.system.stop import Stop
from tests.fakes.docker import Behaviour, Engine, FakeDocker

HUB, ECR, GCR = (
    "python:3.13-slim",
    "public.ecr.aws/docker/library/python:3.13-slim",
    "mirror.gcr.io/library/python:3.13-slim",
)


class Makes(StandIns):
    """Who makes stand-ins: notes each, and has the image then."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.made: list[str] = []

    def make(self, recipe: StandInRecipe, reference: str, say: object, stop: Stop | None = None) -> None:
        self.made.append(f"{reference} as {recipe.key}")
        self.engine.add_image(Behaviour(), reference, labels={STAND_IN_LABEL: recipe.key})


class World:
    """Bases on a fake engine, with a clock that one sets."""

    def __init__(self, state: Path) -> None:
        self.engine = Engine()
        self.makes = Makes(self.engine)
        self.time = 1_000_000.0
        self.said: list[str] = []
        self.mirrors: tuple[str, ...] = MIRRORS
        self.logins: tuple[str, ...] = ()
        self.bases = Bases(
            FakeDocker(self.engine),
            state,
            lambda: self.mirrors,
            now=lambda: self.time,
            stand_ins=self.makes,
            logged_in=lambda: self.logins,
        )

    def ensure(self, reference: str = HUB) -> None:
        self.bases.ensure(reference, say=self.said.append)

    def require(self, reference: str = HUB, *, stand_in: bool = False, logins: bool = False) -> None:
        self.bases.require(reference, line=3, stand_in=stand_in, say=self.said.append, logins=logins)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_what_is_here_costs_nothing(world: World) -> None:
    world.engine.add_image(Behaviour(), HUB)
    world.ensure()
    assert (world.engine.pulls, world.said) == ([], [])


def test_pulled_from_docker_hub(world: World) -> None:
    world.engine.served = {HUB}
    world.ensure()
    assert world.engine.pulls == [HUB]
    assert world.said == [f"base image {HUB}: pulled from Docker Hub in 0 s"]
    for first, timeout in world.engine.bounds:
        assert first is not None
        assert first < 10 < timeout


def test_pulled_from_a_mirror_under_its_plain_name(world: World) -> None:
    world.engine.served = {GCR}
    world.ensure()
    assert world.engine.pulls == [HUB, ECR, GCR]
    assert world.engine.tags == {HUB}
    assert world.said == [f"base image {HUB}: pulled from mirror.gcr.io in 0 s"]


def test_mirrors_are_those_of_today(world: World) -> None:
    world.mirrors = ()
    world.ensure()
    assert not [pull for pull in world.engine.pulls if "mirror" in pull]
    assert world.makes.made


def test_made_here_when_no_registry_can_be_reached(world: World) -> None:
    world.ensure()
    assert world.makes.made == [f"{HUB} as python-3.13"]
    assert world.said[-1] == f"base image {HUB}: a stand-in made on this server from Debian 13's packages"
    assert "Docker Hub: its name can't be resolved" in world.said[0]


def test_a_version_that_differs_is_warned_of(world: World) -> None:
    world.ensure("python:3.12-slim")
    assert world.said[-1] == "warning: Python 3.13 from Debian 13 stands in for Python 3.12"


def test_registries_that_can_not_be_reached_are_asked_once_an_hour(world: World) -> None:
    world.ensure()
    asked = len(world.engine.pulls)
    world.ensure("node:24-slim")
    assert len(world.engine.pulls) == asked == 3
    world.time += 3601
    world.ensure("nginx:stable")
    assert len(world.engine.pulls) == 6


def test_an_image_that_is_missing_says_nothing_of_its_registry(world: World) -> None:
    world.engine.unreachable = False
    world.ensure("python:3.14-slim")
    world.engine.served = {"node:24-slim"}
    world.ensure("node:24-slim")
    assert world.said[-1] == "base image node:24-slim: pulled from Docker Hub in 0 s"


def test_a_registry_that_answers_again_is_forgotten(world: World, tmp_path: Path) -> None:
    world.ensure()
    world.time += 3601
    world.engine.served = {"node:24-slim"}
    world.ensure("node:24-slim")
    assert "docker.io" not in json.loads((tmp_path / "bases/registries.json").read_text())


def test_an_engine_that_goes_away_says_nothing_of_the_registries(world: World, tmp_path: Path) -> None:
    world.engine.down = True
    with pytest.raises(DockerUnavailable):
        world.ensure()
    assert not (tmp_path / "bases/registries.json").exists()


def test_a_spoilt_memory_and_a_clock_set_back_cost_one_more_question(world: World, tmp_path: Path) -> None:
    world.ensure()
    world.time -= 999
    world.ensure("node:24-slim")
    assert len(world.engine.pulls) == 6
    (tmp_path / "bases/registries.json").write_text('{"docker.io": 5')
    world.ensure("nginx:stable")
    assert len(world.engine.pulls) == 9


def test_what_can_not_be_had_nor_made_names_itself(world: World) -> None:
    with pytest.raises(BaseImageUnavailable) as caught:
        world.ensure("ruby:3.4-slim")
    assert caught.value.message == "the base image ruby:3.4-slim can't be had"
    assert caught.value.hint == "docker pull ruby:3.4-slim"
    assert len(caught.value.details) == 3


def test_a_dockerfile_of_ones_own_gets_no_stand_in_unasked(world: World) -> None:
    with pytest.raises(BaseImageUnavailable) as caught:
        world.require()
    assert caught.value.message == f"FROM {HUB} (line 3) can't be had"
    assert caught.value.hint == "editor /etc/deployhost/apps.yml"
    assert "stand_in_bases: true" in caught.value.details[-1]
    assert world.makes.made == []


def test_a_stand_in_that_is_here_does_not_count_unless_allowed(world: World) -> None:
    world.ensure()
    with pytest.raises(BaseImageUnavailable):
        world.require()
    world.require(stand_in=True)
    assert len(world.makes.made) == 1


def test_a_stand_in_gives_way_to_the_real_image(world: World) -> None:
    world.ensure()
    world.time += 61
    world.engine.served = {HUB}
    world.require()
    image = world.engine.look_up(HUB)
    assert image is not None
    assert STAND_IN_LABEL not in image.labels


def origin(world: World, name: str) -> Origin:
    return world.bases.origin(Reference.parse(name))


def test_where_an_image_came_from(world: World) -> None:
    assert origin(world, "acme/base:1") is Origin.ABSENT
    world.engine.add_image(Behaviour(), "acme/base:1")
    world.engine.add_image(Behaviour(), "acme/base:2", labels={STAND_IN_LABEL: "python-3.13"})  # built upon a stand-in
    world.engine.add_image(Behaviour(), "acme/base:3", digests=("acme/base@sha256:1",))
    world.engine.add_image(Behaviour(), "acme/base:4", digests=("acme/other@sha256:1",))  # a tag of somebody's own
    found = [origin(world, f"acme/base:{number}") for number in (1, 2, 3, 4)]
    assert found == [Origin.MADE_HERE, Origin.MADE_HERE, Origin.PULLED, Origin.MADE_HERE]
    world.ensure()
    assert origin(world, HUB) is Origin.STAND_IN


def test_what_is_built_upon_a_stand_in_is_none(world: World) -> None:
    world.engine.add_image(Behaviour(), "deployhost/stand-in:python-3.13", labels={STAND_IN_LABEL: "python-3.13"})
    world.engine.add_image(Behaviour(), "python:3.13-slim", labels={STAND_IN_LABEL: "python-3.13"})
    assert origin(world, "python:3.13-slim") is Origin.MADE_HERE


def test_where_containerd_keeps_images_a_digest_proves_nothing(world: World) -> None:
    world.engine.info = EngineInfo("28.5.2", "/var/lib/docker", snapshotter=True)
    world.engine.add_image(Behaviour(), "acme/base:3", digests=("acme/base@sha256:1",))
    assert origin(world, "acme/base:3") is Origin.MADE_HERE
    world.engine.served = {"acme/base:4"}
    world.require("acme/base:4")
    assert origin(world, "acme/base:4") is Origin.PULLED
    world.engine.add_image(Behaviour(), "acme/base:4")  # built anew under that name
    assert origin(world, "acme/base:4") is Origin.MADE_HERE


def test_an_image_from_a_mirror_counts_as_pulled(world: World) -> None:
    world.engine.served = {GCR}
    world.require()
    assert origin(world, HUB) is Origin.PULLED


def test_what_its_owner_made_under_an_official_name_is_neither_used_nor_replaced(world: World) -> None:
    world.engine.add_image(Behaviour(), HUB)
    with pytest.raises(BaseImageUnavailable):
        world.require(stand_in=True)
    assert (world.makes.made, world.engine.tags) == ([], {HUB})


def test_only_the_registry_that_is_named_is_asked(world: World) -> None:
    with pytest.raises(BaseImageUnavailable):
        world.require("ghcr.io/acme/base:1")
    assert world.engine.pulls == ["ghcr.io/acme/base:1"]


def test_where_there_is_no_other_way_a_registry_is_asked_again_after_a_minute(world: World) -> None:
    for wait, pulls in ((0, 1), (59, 1), (2, 2)):
        world.time += wait
        with pytest.raises(BaseImageUnavailable):
            world.require("acme/base:1")
        assert len(world.engine.pulls) == pulls


FRONTEND = "docker/dockerfile:1"


def test_a_frontend_that_can_not_be_had_is_named(world: World) -> None:
    with pytest.raises(BaseImageUnavailable, match=r"# syntax=docker/dockerfile:1 \(line 1\) can't be had"):
        world.bases.has_frontend(FRONTEND, line=1, optional=False, say=world.said.append)


def test_an_optional_frontend_is_asked_for_once_an_hour(world: World) -> None:
    for wait, pulls in ((0, 1), (3000, 1), (1000, 2)):
        world.time += wait
        assert not world.bases.has_frontend(FRONTEND, line=1, optional=True, say=world.said.append)
        assert len(world.engine.pulls) == pulls
    world.time += 3601
    world.engine.served = {FRONTEND}
    assert world.bases.has_frontend(FRONTEND, line=1, optional=True, say=world.said.append)


def test_a_digest_is_pulled_as_it_is(world: World) -> None:
    reference = f"python@sha256:{'a' * 64}"
    world.engine.served = {reference}
    world.require(reference)
    assert world.engine.pulls == [reference]


def test_two_builds_at_once_get_one_image(world: World) -> None:
    threads = [threading.Thread(target=world.ensure) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.makes.made == [f"{HUB} as python-3.13"]


def test_a_registry_that_trickles_is_given_up_at_once_when_the_deploy_is_cancelled(world: World) -> None:
    """Bytes that come one by one are no silence: no time limit of the engine's ends such a pull."""
    world.engine.served = {HUB}
    stop, trickles = Stop(), threading.Event()

    def pull() -> None:
        stop.set()
        trickles.wait(30)

    world.engine.pulling = pull
    began = time.monotonic()
    with pytest.raises(CommandStopped):
        world.bases.ensure(HUB, say=world.said.append, stop=stop)
    assert time.monotonic() - began < 10
    trickles.set()


def test_who_waits_for_the_pull_of_another_build_can_be_cancelled(world: World, tmp_path: Path) -> None:
    trickles, first, second = threading.Event(), Stop(), Stop()
    world.engine.served = {HUB}
    pulling = threading.Event()

    def pull() -> None:
        pulling.set()
        trickles.wait(30)

    world.engine.pulling = pull
    beside = threading.Thread(target=lambda: world.bases.ensure(HUB, say=world.said.append, stop=first))
    beside.start()
    assert pulling.wait(5)
    threading.Timer(0.05, second.set).start()
    with pytest.raises(CommandStopped):
        world.bases.ensure(HUB, say=world.said.append, stop=second)
    trickles.set()
    beside.join(5)
    assert world.engine.pulls == [HUB]


def test_no_made_up_name_holds_up_another_image(world: World) -> None:
    """Of these two, only the characters differ that no file's name may have."""
    world.engine.served = {HUB}
    trickles, pulling = threading.Event(), threading.Event()

    def pull() -> None:
        if world.engine.pulls[-1] != HUB:
            pulling.set()
            trickles.wait(30)

    world.engine.pulling = pull
    alike = "python_3.13-slim"

    def require() -> None:
        with contextlib.suppress(BaseImageUnavailable):
            world.require(alike)

    beside = threading.Thread(target=require)
    beside.start()
    assert pulling.wait(5)
    world.ensure()
    assert beside.is_alive()
    trickles.set()
    beside.join(5)
    assert world.engine.tags == {HUB}


PRIVATE, OPEN = "registry.example.com/acme/base:1", "registry.example.com/acme/open:1"


@pytest.mark.parametrize("login", ["registry.example.com", "https://registry.example.com/v2/", "*"])
def test_an_image_that_only_a_login_gets_is_for_whoever_may_use_it(world: World, login: str) -> None:
    world.engine.served, world.engine.private, world.logins = {PRIVATE, OPEN}, {PRIVATE}, (login,)
    with pytest.raises(BaseImageUnavailable, match=PRIVATE) as caught:
        world.require(PRIVATE)
    assert "build_credentials: true" in caught.value.details[-1]
    world.require(PRIVATE, logins=True)
    with pytest.raises(BaseImageUnavailable, match=PRIVATE):
        world.require(PRIVATE)  # now that it is here for another app
    world.require(PRIVATE, logins=True)
    assert world.engine.pulls.count(PRIVATE) == 3, "what may be used is not pulled again"


def test_what_a_login_pulled_and_anybody_may_have_is_pulled_once_more(world: World) -> None:
    world.engine.served, world.logins = {OPEN}, ("registry.example.com",)
    world.require(OPEN, logins=True)
    world.require(OPEN)
    world.require(OPEN)
    world.require(OPEN, logins=True)
    assert world.engine.pulls == [OPEN, OPEN]


def test_official_images_are_anybodys(world: World) -> None:
    world.engine.served, world.logins = {HUB}, ("https://index.docker.io/v1/",)
    world.require(HUB, logins=True)
    world.require(HUB)
    assert world.engine.pulls == [HUB]


def test_an_image_that_its_owner_pulled_with_a_login_is_asked_for_again(world: World) -> None:
    world.engine.add_image(Behaviour(), PRIVATE)
    world.engine.served, world.engine.private = {PRIVATE}, {PRIVATE}
    world.logins = ("registry.example.com",)
    assert world.bases.origin(Reference.parse(PRIVATE), logins=False) is Origin.ABSENT
    with pytest.raises(BaseImageUnavailable):
        world.require(PRIVATE)
