"""The one wiring: every part can be made, once, and is what its user expects."""

import dataclasses
import inspect
import typing
from pathlib import Path

import pytest

from deployhost.daemon.edge_parts import EdgeParts
from deployhost.daemon.github_parts import GitHubParts
from deployhost.daemon.outside import Outside
from deployhost.daemon.part import part
from deployhost.daemon.parts import Parts
from deployhost.errors import InvalidConfig
from deployhost.github import connection
from deployhost.model import Secret
from deployhost.paths import Paths
from tests.fakes import github
from tests.fakes.assembled import Server

NAMES = [name for name, one in {**vars(GitHubParts), **vars(Parts)}.items() if isinstance(one, part)]


def production(root: Path) -> Parts:
    paths = Paths(root)
    paths.state.mkdir(parents=True)
    return Parts(paths)


def wrong(one: object) -> list[str]:
    """Return the fields of a part that hold something else than their annotation says."""
    if not dataclasses.is_dataclass(one):
        return []
    types = typing.get_type_hints(type(one))
    kinds = {field.name: types[field.name] for field in dataclasses.fields(one)}
    plain = {
        name: kind for name, kind in kinds.items() if isinstance(kind, type) and typing.Protocol not in kind.__mro__
    }
    return [
        f"{type(one).__name__}.{name}: {type(getattr(one, name)).__name__}"
        for name, kind in plain.items()
        if not isinstance(getattr(one, name), (kind, int) if kind is float else kind)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_part_is_made_and_fits(tmp_path: Path, name: str) -> None:
    made = getattr(production(tmp_path), name)
    assert wrong(made) == []


def test_parts_that_are_no_dataclasses_get_what_their_constructors_name(tmp_path: Path) -> None:
    parts = production(tmp_path)
    assert parts.deploys._database is parts.database
    assert parts.converge is not None
    assert parts.workers.deploys is parts.deploys


def test_a_test_replaces_what_is_outside_in_one_place(server: Server) -> None:
    """Every field of Outside reaches a part, so that no fake is passed in vain."""
    daemon = server.start()
    assert type(daemon.docker).__name__ == "FakeDocker"
    assert daemon.images.images.builder is daemon.builder is daemon.fake_builder
    assert daemon.kamal_engine.kamal is daemon.fake_kamal
    assert daemon.boot.get == server.engine.get
    source = "".join(map(inspect.getsource, (Parts, GitHubParts, EdgeParts)))
    assert [one.name for one in dataclasses.fields(Outside) if f"outside.{one.name}" not in source] == []


def test_a_mistake_in_server_yml_keeps_no_daemon_from_starting(tmp_path: Path) -> None:
    parts = production(tmp_path)
    parts.paths.config.mkdir(parents=True)
    parts.paths.server_yml.write_text("http_port: many\n")
    parts.make_all()
    with pytest.raises(InvalidConfig):
        parts.settings.current()


def test_deliveries_are_checked_with_the_secrets_of_the_connections(tmp_path: Path) -> None:
    parts = production(tmp_path)
    assert not parts.has_tunnel()
    assert parts.webhook_secrets() == {}
    with_hook = github.connection("acme", webhook_secret=Secret("abc"))
    connection.save(parts.paths, with_hook)
    connection.save(parts.paths, github.connection("other", 2, webhook_secret=None))
    (parts.paths.connections / "github-0000000000000000").write_text("{")
    assert parts.webhook_secrets() == {with_hook.id: Secret("abc")}
    (parts.paths.connections / "cloudflare").write_text("{}")
    assert parts.has_tunnel()
