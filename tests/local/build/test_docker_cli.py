"""Which of several docker commands can build."""

from pathlib import Path

import pytest

from deployhost.build import docker_cli
from deployhost.build.docker_cli import Cli, DockerCli
from deployhost.errors import CommandMissing


@pytest.fixture(autouse=True)
def _no_other_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_cli, "USUAL", ())


def command(folder: Path, version: str, *, buildx: bool, plugin: str = "") -> Path:
    """Make a docker command of that version and with that plugin, which notes each call beside itself."""
    folder.mkdir()
    path = folder / "docker"
    path.write_text(
        f'#!/bin/sh\necho "$1" >> {folder}/calls\n'
        f"case $1 in --version) echo 'Docker version {version}, build abc' ;; "
        f"buildx) exit {0 if buildx else 1} ;; info) echo {plugin} ;; esac\n"
    )
    path.chmod(0o755)
    return path


def find(*folders: Path) -> DockerCli:
    return DockerCli({"PATH": ":".join([*map(str, folders), "/nonexistent"])})


def test_one_from_before_23_builds_by_itself(tmp_path: Path) -> None:
    path = command(tmp_path / "a", "20.10.24+dfsg1", buildx=False)
    assert find(tmp_path / "a").find() == Cli(path, buildx=False)


def test_a_later_one_needs_the_plugin(tmp_path: Path) -> None:
    path = command(tmp_path / "a", "28.2.2", buildx=True)
    assert find(tmp_path / "a").find() == Cli(path, buildx=True)


@pytest.mark.parametrize("works", [True, False])
def test_the_plugin_is_called_by_itself_where_it_can_be(works: bool, tmp_path: Path) -> None:
    plugin = tmp_path / "docker-buildx"
    plugin.write_text(f"#!/bin/sh\n[ $1 = version ] && exit {0 if works else 1}\n")
    plugin.chmod(0o755)
    path = command(tmp_path / "a", "28.2.2", buildx=True, plugin=str(plugin))
    found = find(tmp_path / "a").find()
    assert found == Cli(path, buildx=True, plugin=plugin if works else None)
    assert found.build == (str(plugin if works else path), "build")


def test_a_plugin_that_is_said_to_be_where_it_is_not(tmp_path: Path) -> None:
    path = command(tmp_path / "a", "28.2.2", buildx=True, plugin="/nonexistent/docker-buildx")
    assert find(tmp_path / "a").find().build == (str(path), "build")


def test_one_that_can_not_build_is_passed_over(tmp_path: Path) -> None:
    command(tmp_path / "a", "28.2.2", buildx=False)
    path = command(tmp_path / "b", "20.10.24", buildx=False)
    assert find(tmp_path / "a", tmp_path / "b").find().path == path


def test_none_that_can_build_names_what_was_tried(tmp_path: Path) -> None:
    path = command(tmp_path / "a", "28.2.2", buildx=False)
    cli = find(tmp_path / "a")
    assert not cli.can_build()
    with pytest.raises(CommandMissing) as caught:
        cli.find()
    assert caught.value.hint == "deployhost setup --local"
    assert caught.value.details == (f"{path}: has no buildx plugin",)


def test_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(CommandMissing, match="not installed"):
        find(tmp_path).find()


def test_the_answer_is_kept_and_links_are_asked_once(tmp_path: Path) -> None:
    command(tmp_path / "a", "28.2.2", buildx=False)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    command(tmp_path / "b", "28.2.2", buildx=True)
    cli = find(tmp_path / "a", tmp_path / "link", tmp_path / "b")
    assert cli.find() is cli.find()
    assert (tmp_path / "a/calls").read_text() == "--version\nbuildx\n"
