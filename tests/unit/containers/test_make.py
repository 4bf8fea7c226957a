"""Containers as Kamal makes them."""

from datetime import UTC, datetime

from deployhost.model import EnvName
from tests.fakes.assembled import Server, sha

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
