"""What Kamal's deploy.yml makes of each setting: the places that the table of settings names, and no others."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployhost.config import app, server
from deployhost.config.app import AppConfig
from deployhost.config.server import ServerConfig
from deployhost.containers.spec import port_for
from deployhost.deploy.kamal.projects import KamalProjects
from deployhost.kamal.deploy_yml import document
from deployhost.model import WEB, AppName, Deploy
from deployhost.paths import Paths
from deployhost.system.docker_model import Image
from tests.inputs.settings import OF_AN_APP, OF_THE_SERVER

SHOP = AppName("shop")
IMAGE = Image("sha256:1", (), {}, "", (), "")
NOTHING: Any = None  # what these files are not made from
DEPLOY = cast("Deploy", SimpleNamespace(requested_at=0))


def places(settings: AppConfig, server: ServerConfig) -> dict[str, object]:
    """Every value of an app's deploy.yml by its dotted path, `*` for any role."""
    projects = KamalProjects(
        docker=NOTHING,
        deploys=NOTHING,
        releases=NOTHING,
        env=NOTHING,
        paths=Paths(Path("/nowhere")),
        apps=NOTHING,
        settings=cast("Any", SimpleNamespace(current=lambda: server)),
        get=NOTHING,
        project=NOTHING,
        size_limit=lambda: None,
    )
    seen = projects._seen(settings, IMAGE, DEPLOY, port_for(IMAGE, settings), settings.health or "/")
    return dict(leaves(cast("Mapping[str, object]", document(seen))))


def leaves(values: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        place = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            yield from leaves(value, place)
        else:
            yield place.replace(f"servers.{WEB}.", "servers.*."), value


def changed(settings: Mapping[str, Any], of_server: Mapping[str, Any]) -> list[str]:
    """The paths at which a changed setting changes deploy.yml."""
    before = places(AppConfig(SHOP), ServerConfig())
    after = places(AppConfig(SHOP, **settings), ServerConfig(**of_server))
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def assert_named(paths: list[str], named: tuple[str, ...]) -> None:
    covering = {place for place in named for path in paths if path == place or path.startswith(f"{place}.")}
    covered = {path for path in paths for place in named if path == place or path.startswith(f"{place}.")}
    assert covered == set(paths)
    assert covering == set(named)


@pytest.mark.parametrize("key", app.SETTINGS)
def test_settings_of_an_app(key: str) -> None:
    assert_named(changed({key: OF_AN_APP[key]}, {}), app.SETTINGS[key].kamal)


@pytest.mark.parametrize("key", server.SETTINGS)
def test_settings_of_the_server(key: str) -> None:
    assert_named(changed({}, {key: OF_THE_SERVER[key]}), server.SETTINGS[key].kamal)
