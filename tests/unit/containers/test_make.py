"""Containers as Kamal makes them."""

from dataclasses import replace
from datetime import UTC, datetime

from deployhost.containers.attempt import Attempt
from deployhost.containers.processes import Process
from deployhost.errors import DockerRefused
from deployhost.journal.telling import Progress
from deployhost.model import WEB, AppName, EnvName, Version
from deployhost.system.docker_model import ContainerSpec
from deployhost.system.stop import Stop
from tests.fakes.assembled import Assembled, Server, sha

ONE, TWO, THREE = sha(1), sha(2), sha(3)


def test_container_is_kamals(server: Server) -> None:
    """Name, labels, network and variables are what Kamal's CLI looks for."""
    app, daemon = server.add("shop", text="storage: true"), server.start()
    daemon.env.set(app, {EnvName("TOKEN"): "two\nlines"}, datetime.now(UTC))
    deploy = daemon.deploy(app, ONE)
    spec = server.engine.specs[daemon.live(app).container]
    assert spec.name == f"shop-web-{ONE}"
    assert spec.image == f"127.0.0.1:5555/shop:{ONE}"
    assert {"service": "shop", "role": "web", "destination": ""}.items() <= spec.labels.items()
    assert spec.labels["deployhost.deploy"] == str(deploy.id)
    assert spec.network == "kamal"
    assert spec.restart == "no"  # until it is ready
    assert server.engine.containers[daemon.live(app).container].restart == "unless-stopped"
    assert spec.env["TOKEN"] == "two\nlines"
    assert spec.env["PORT"] == "8080"
    assert spec.env["DEPLOYHOST_PROXY_NETWORK"] == "172.18.0.0/16"
    assert spec.env["DEPLOYHOST_PROXY_ADDRESSES"] == "172.18.255.254,172.18.0.1"
    assert spec.env["KAMAL_VERSION"] == ONE
    assert not [value for value in spec.labels.values() if "two" in value]
    assert spec.binds == (f"{server.paths.storage(app)}:/storage",)
    env_file = server.paths.kamal / "apps/shop/env/roles/web.env"
    assert env_file.read_text() == "TOKEN=two\\nlines\n"
    assert env_file.stat().st_mode & 0o777 == 0o600
    assert "Booted app version" in (server.paths.kamal / "shop-audit.log").read_text()
    assert not list(server.paths.kamal.glob("lock-*"))


def test_container_of_that_name_is_renamed(server: Server) -> None:
    """Made by `kamal deploy`, or left from before the journal was lost: what Kamal does, too."""
    app, daemon = server.add("shop"), server.start()
    daemon.deploy(app, ONE)
    first = daemon.live(app).container
    daemon.docker.rename(first, f"shop-web-{TWO}")
    daemon.deploy(app, TWO)
    assert daemon.live(app).container != first
    assert server.engine.containers[daemon.live(app).container].name == f"shop-web-{TWO}"
    assert "docker rename" in daemon.life.effects
    assert first in server.engine.stopped


def test_what_a_container_writes_is_limited_where_the_engine_can(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    maker = replace(daemon.maker, size_limit=lambda: 5_000_000)
    refused: list[int | None] = []
    create = daemon.docker.create

    def unable(spec: ContainerSpec) -> str:
        refused.append(spec.size)
        if spec.size is not None:
            raise DockerRefused("Docker refused: --storage-opt is supported only for overlay over xfs with 'pquota'")
        return create(spec)

    daemon.deploy(app, ONE)
    assert server.engine.specs[daemon.live(app).container].size is None
    image = daemon.docker.image(daemon.live(app).image)
    assert image is not None
    found = attempt(daemon, app)
    daemon.docker.tag(image.id, f"127.0.0.1:5555/shop:{TWO}")
    made = maker.create(found, image, Process(WEB, None))
    assert server.engine.specs[made].size == 5_000_000
    daemon.docker.remove(made)
    daemon.docker.create = unable  # type: ignore[method-assign]
    made = maker.create(found, image, Process(WEB, None))
    assert refused == [5_000_000, None]
    assert server.engine.specs[made].size is None


def attempt(daemon: Assembled, app: AppName) -> Attempt:
    deploy = daemon.accept(app, TWO)
    progress = Progress(deploy.id, daemon.deploys, daemon.events, ())
    return Attempt(deploy, Version(TWO), daemon.apps.get(app), {}, progress, Stop(), lambda: None)
