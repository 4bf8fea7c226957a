"""A Dockerfile made ready on a fake engine: what is refused, fetched, told to BuildKit, and cleared away."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployhost.build.bases import Bases
from deployhost.build.labels import STAND_IN_LABEL as LABEL
from deployhost.build.sources.prepare import POLICY, Asked, BuildSources, Prepared
from deployhost.build.stand_in import REPOSITORY
from deployhost.config.server import ServerSettings
from deployhost.errors import BaseImageUnavailable, DownloadFailed, SourceRefused
from deployhost.model import AppName
from deployhost.system.docker_model import EngineInfo
from deployhost.system.guarded_download import Downloaded, GuardedDownload, Refuse
from deployhost.system.stop import Stop
from tests.fakes.docker import Behaviour, Engine, FakeDocker

FETCHED = "deployhost.invalid/fetched/shop:latest"


@dataclass(frozen=True)
class Web(GuardedDownload):
    """The internet: what each address has, or that it leads to an address of the host."""

    has: dict[str, bytes] = field(default_factory=dict)
    leads_to: dict[str, str] = field(default_factory=dict)
    bounds: list[int] = field(default_factory=list)

    def to_file(self, url: str, target: Path, refuse: Refuse, stop: Stop | None = None) -> Downloaded:
        if why := refuse(self.leads_to.get(url, "1.1.1.1")):
            raise DownloadFailed(f"it is {why}")
        target.write_bytes(self.has[url])
        self.bounds.append(self.largest)
        return Downloaded(len(self.has[url]), 5)


class World:
    """What makes Dockerfiles ready, in a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.engine = Engine(info=EngineInfo("20.10.24", "/var/lib/docker"))
        self.docker = FakeDocker(self.engine)
        self.web = Web({}, largest=100)
        self.said: list[str] = []
        self.policies = False
        (root / "work").mkdir()

    def ready(self, text: str, *, stand_in: bool = False) -> Prepared:
        settings = ServerSettings(self.root / "server.yml")
        sources = BuildSources(
            docker=self.docker,
            bases=Bases(self.docker, self.root / "state"),
            server=settings,
            engine=self.docker.info,
            download=self.web,
            own=lambda: (),
        )
        asked = Asked(
            app=AppName("shop"),
            work=self.root / "work",
            stand_in=stand_in,
            policies=self.policies,
            say=self.said.append,
        )
        return sources.ready(text, asked)

    def text(self, dockerfile: str, *, stand_in: bool = False) -> str:
        return self.ready(dockerfile, stand_in=stand_in).text

    def refused(self, dockerfile: str, *, stand_in: bool = False) -> str:
        with pytest.raises(SourceRefused) as caught:
            self.text(dockerfile, stand_in=stand_in)
        return caught.value.message


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.engine.add_image(Behaviour(), "a:latest", digests=("a@sha256:1",))
    return made


def test_what_was_pulled_is_used(world: World) -> None:
    assert world.text("FROM a\nRUN b") == "FROM docker.io/library/a:latest\nRUN b\n"
    assert world.engine.pulls == []


def test_what_is_public_is_pulled(world: World) -> None:
    world.engine.served = {"ghcr.io/b/c:1"}
    world.text("FROM a\nCOPY --from=ghcr.io/b/c:1 d e")
    assert world.engine.pulls == ["ghcr.io/b/c:1"]


@pytest.mark.parametrize(
    "line",
    ["FROM {}", "FROM a\nCOPY --from={} b c", "FROM a\nRUN --mount=from={},target=/x y", "FROM {} AS unneeded\nFROM a"],
)
def test_what_is_its_owners_alone_is_refused(world: World, line: str) -> None:
    world.engine.add_image(Behaviour(), "127.0.0.1:5555/other:latest")
    world.engine.add_image(Behaviour(), "acme/secret:latest")
    world.engine.add_image(Behaviour(), "acme/upon-stand-in:latest", labels={LABEL: "python-3.13"})
    world.engine.add_image(Behaviour(), f"{REPOSITORY}:python-3.13", labels={LABEL: "python-3.13"})
    for name in (
        "127.0.0.1:5555/other",
        "localhost:5555/other",
        "acme/secret",
        "acme/upon-stand-in",
        f"{REPOSITORY}:python-3.13",
    ):
        assert " is refused: " in world.refused(line.format(name), stand_in=True)


def test_its_own_releases_are_not(world: World) -> None:
    world.engine.add_image(Behaviour(), "127.0.0.1:5555/shop:1")
    assert world.text("FROM 127.0.0.1:5555/shop:1") == "FROM 127.0.0.1:5555/shop:1\n"
    assert "only its owner may use it" in world.refused("FROM 127.0.0.1:5555/shop:2")


def test_a_stand_in_is_for_apps_that_may_have_one(world: World) -> None:
    world.engine.add_image(Behaviour(), "python:3.13-slim", f"{REPOSITORY}:python-3.13", labels={LABEL: "python-3.13"})
    world.text("FROM python:3.13-slim", stand_in=True)
    with pytest.raises(BaseImageUnavailable):
        world.text("FROM python:3.13-slim")


def test_registries_of_ones_own_network(world: World) -> None:
    message = world.refused("FROM 10.0.0.1:5000/b")
    assert message.startswith(
        "line 1 of the Dockerfile: FROM 10.0.0.1:5000/b is refused: 10.0.0.1:5000 is not a public registry"
    )
    with pytest.raises(SourceRefused) as caught:
        world.text("FROM 10.0.0.1:5000/b")
    assert caught.value.hint == f"echo 'registries: [\"10.0.0.1:5000\"]' >> {world.root}/server.yml"
    (world.root / "server.yml").write_text("registries: ['10.0.0.1:5000']\n")
    world.engine.served = {"10.0.0.1:5000/b:latest"}
    world.text("FROM 10.0.0.1:5000/b")


@pytest.mark.parametrize(
    "trigger",
    [
        "COPY --from=127.0.0.1:5555/other / /x",
        "ADD http://127.0.0.1/ /x",
        "RUN --mount=from=b,target=/x y",
        "RUN a\nFROM b",
    ],
)
def test_triggers_of_a_base_image(world: World, trigger: str) -> None:
    world.engine.add_image(
        Behaviour(), "acme/triggers:1", digests=("acme/triggers@sha256:1",), on_build=("COPY . /app", trigger)
    )
    assert world.refused("FROM a\nFROM acme/triggers:1").startswith("line 2 of the Dockerfile: an ONBUILD trigger")


def test_what_add_fetches_is_in_an_image_of_its_own(world: World) -> None:
    world.web.has["http://b/c"] = b"content"
    found = world.ready("FROM a\nADD http://b/c /d")
    assert found.text == f'FROM docker.io/library/a:latest\nCOPY --from={FETCHED} ["/0/c", "/d"]\n'
    assert found.fetched == FETCHED
    assert world.engine.imported["0/c"] == (0o600, 0, b"content")
    world.ready("FROM a\nADD http://b/c /d")  # once more, after a build that was broken off
    assert sum(FETCHED in image.tags or not image.tags for image in world.engine.images.values()) == 1
    assert not (world.root / "work/added").exists()


def test_all_that_is_fetched_for_a_build_is_bounded_together(world: World) -> None:
    world.web.has.update({"http://b/c": b"content", "http://b/d": b"more"})
    world.ready("FROM a\nADD http://b/c http://b/d /e/\nADD http://b/d /f")
    assert world.web.bounds == [100, 93, 89]


def test_an_official_name_for_what_was_made_here_is_explained(world: World) -> None:
    world.engine.add_image(Behaviour(), "secret:latest")
    with pytest.raises(BaseImageUnavailable):
        world.text("FROM secret")
    assert world.said == [
        "FROM secret: the image on this server was not pulled from a registry, so that it is not used"
    ]


def test_add_reaches_nothing_of_the_host(world: World) -> None:
    world.web.leads_to.update({"http://b/c": "::ffff:169.254.169.254"})
    assert "line 2 of the Dockerfile: ADD http://b/c: it is link-local" in world.refused("FROM a\nADD http://b/c /d")
    assert not (world.root / "work/added").exists()


def test_a_checksum_that_differs(world: World) -> None:
    world.web.has.update({"http://b/c": b"content"})
    right = "sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    world.text(f"FROM a\nADD --checksum={right} http://b/c /d")
    assert f"its checksum is {right}" in world.refused(f"FROM a\nADD --checksum=sha256:{'0' * 64} http://b/c /d")


def test_base_images_variables_count(world: World) -> None:
    world.engine.add_image(Behaviour(), "b:1", digests=("b@sha256:1",), env=("WHERE=http://c",))
    world.web.leads_to.update({"http://c/d": "127.0.0.1"})
    assert "it is loopback" in world.refused("FROM b:1\nADD $WHERE/d /e")


@pytest.mark.parametrize("syntax", ["evil/frontend", "127.0.0.1:5555/other", "docker/dockerfile2:1"])
def test_other_frontends_take_an_engine_that_enforces(world: World, syntax: str) -> None:
    assert "line 1 of the Dockerfile: # syntax=" in world.refused(f"# syntax={syntax}\nFROM a")


@pytest.mark.parametrize(
    "first",
    [
        "// syntax=evil/frontend",
        '{"syntax": "evil/frontend"}',
        "#!x\n# syntax=evil/frontend",
        "\ufeff# syntax=evil/frontend",
        "\ufeff// syntax=evil/frontend",
        "\ufeff\ufeff# syntax=evil/frontend",
        '#!x\n{"syntax": "evil/frontend"}',
        "#\tSYNTAX\t=\tevil/frontend more\r",
        "   # syntax=evil/frontend",
        "# check=skip=all\n# syntax=evil/frontend",
        "# escape=`\n#syntax=evil/frontend",
        "# syntax=docker.io:443/docker/dockerfile:1",
        "# syntax=docker/dockerfile/x:1",
    ],
)
def test_frontends_in_other_clothes(world: World, first: str) -> None:
    assert "line " in world.refused(f"{first}\nFROM a")


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.000.000.001:5555",
            "0:5555",
            "2130706433:5555",
            "0x7f.1:5555",
            "0177.0.0.1:5555",
            "[::ffff:7f00:1]:5555",
            "[::]:5555",
        ),
        *(
            "127.0.0.1.nip.io:5555",
            "localhost.:5555",
            "x@127.0.0.1:5555",
            "127.0.0.1:05555",
            "gcr.io.evil.example",
            "docker.io:443",
        ),
        *("127.0.0.1:5555/shop", "deployhost.invalid/fetched"),
    ],
)
@pytest.mark.parametrize(
    "line",
    ["FROM {}/other", "ARG A={}\nARG B=${{A}}\nARG C=$B/other\nFROM ${{C:-a}}", "FROM a\nCOPY --from={}/other / /"],
)
def test_registries_in_other_clothes(world: World, host: str, line: str) -> None:
    world.engine.add_image(Behaviour(), f"{host}/other:latest")
    assert world.refused(line.format(host))
    assert world.engine.pulls == []


def test_a_frontend_that_shares_caches_gets_none(world: World) -> None:
    syntax = "# syntax=docker/dockerfile:1.0-experimental\n"
    world.engine.served = {"docker/dockerfile:1.0-experimental"}
    world.engine.add_image(
        Behaviour(), "b:1", digests=("b@sha256:1",), on_build=("RUN --mount=type=cache,target=/c x",)
    )
    world.text(f"{syntax}FROM a\nRUN x")
    for rest in ("FROM a\nRUN --mount=type=cache,target=/c x", "FROM b:1"):
        assert "shares between apps" in world.refused(f"{syntax}{rest}")
        world.text(rest)  # the engine's own keeps them apart


def rules(world: World, dockerfile: str) -> list[tuple[str, str]]:
    world.policies = True
    world.engine.info = EngineInfo("26.1.5", "/var/lib/docker")
    found = world.ready(dockerfile)
    text = json.loads(Path(found.environment[POLICY]).read_text())
    return [(rule["action"], rule["selector"]["identifier"]) for rule in text["rules"]]


def test_newer_engines_enforce_it(world: World) -> None:
    world.engine.served = {"docker/dockerfile:1"}
    allowed = [pattern for action, pattern in rules(world, "# syntax=docker/dockerfile:1\nFROM a") if action == "ALLOW"]
    assert len(allowed) == 3
    assert "docker/dockerfile:1" in "".join(allowed)


def test_frontends_of_somebodys_are_held_to_what_is_public(world: World) -> None:
    world.engine.served = {"acme/frontend:1"}
    world.engine.add_image(Behaviour(), "acme/secret:1")
    found = rules(world, "# syntax=acme/frontend:1\nanything")
    assert ("DENY", r"^docker-image://docker\.io/acme/secret:1(@.*)?$") in found
    assert not [pattern for action, pattern in found if action == "ALLOW" and "5555" in pattern]


def test_an_engine_that_can_not_enforce_is_told_nothing(world: World) -> None:
    world.policies = True
    found = world.ready("FROM a")
    assert found.environment == {}
