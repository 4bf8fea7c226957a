"""A mistake in the entry of one app in apps.yml: the hooks of the others are refreshed."""

from pathlib import Path

import pytest

from deployhost.errors import InvalidConfig
from deployhost.paths import Paths
from tests.fakes.assembled import Server
from tests.fakes.operations import Operations


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.config.mkdir(parents=True)
    return paths


def write(paths: Paths, own: str, shop: str) -> None:
    text = f"apps:\n  own: {{{own}}}\n  shop: {{{shop}}}\n"
    paths.apps_yml.with_suffix(".new").write_text(text)
    paths.apps_yml.with_suffix(".new").replace(paths.apps_yml)


def test_hooks_of_the_others_are_refreshed(server: Server, ops: Operations) -> None:
    write(server.paths, "prot: 1", "")
    with pytest.raises(InvalidConfig, match=r"apps\.yml has a mistake"):
        ops.daemon.repositories.refresh()
    assert [path.name for path in server.paths.repos.iterdir()] == ["shop.git"]
