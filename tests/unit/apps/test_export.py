"""What an app's Kamal project is made of, and that nothing is replaced that nobody allowed to."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

from deployhost.apps.export import Exports
from deployhost.cli.export import write
from deployhost.config.app import AppConfig
from deployhost.config.env import EnvStore
from deployhost.errors import Conflict, NotFound
from deployhost.model import AppName, Domain, EnvName, Release, Version
from deployhost.paths import Paths
from deployhost.system.docker_model import Image
from deployhost.system.git import BareRepository
from tests.fakes.builder import PlannerHere

SHOP = AppName("shop")
SHA = "a" * 40


class FakeRepository:
    """A repository whose every commit is a static site."""

    def __init__(self, _path: Path) -> None:
        pass

    def check_out(self, _sha: str, into: Path) -> None:
        into.mkdir()
        (into / "index.html").write_text("<h1>Hello</h1>")


def exports(tmp_path: Path, **settings: Any) -> Exports:
    paths = Paths(tmp_path)
    paths.run.mkdir(parents=True)
    paths.config.mkdir(parents=True)
    labels = {"deployhost.init": "true", "deployhost.processes": '{"worker": "python work.py"}'}
    image = Image("sha256:1", (), labels, "1048577:1048577", (8080,), "")
    release = SimpleNamespace(app=SHOP, image=image.id, version=Version(SHA), sha=SHA, port=8080)
    return Exports(
        docker=cast("Any", SimpleNamespace(image={image.id: image}.get)),
        releases=cast("Any", SimpleNamespace(live=lambda _: cast("Release", release))),
        env=EnvStore(paths),
        paths=paths,
        planner=PlannerHere(),
        apps=cast("Any", SimpleNamespace(get=lambda name: AppConfig(name, **settings))),
        repository=lambda app: cast("BareRepository", FakeRepository(paths.repo(app))),
    )


def test_files(tmp_path: Path) -> None:
    found = exports(tmp_path, memory=64 * 2**20, domains=(Domain("shop.example.org"),)).kamal(SHOP)
    assert sorted(found["files"]) == [".dockerignore", ".kamal/secrets", "Dockerfile", "KAMAL.md", "config/deploy.yml"]
    assert found["files"]["Dockerfile"].startswith("#")
    assert "\nARG DEPLOYHOST_UID=1048577\n" in found["files"]["Dockerfile"], "whose the storage is that is taken along"
    config = YAML(typ="safe").load(found["files"]["config/deploy.yml"])
    assert sorted(config["servers"]) == ["web", "worker"]
    assert config["servers"]["worker"]["cmd"] == "python work.py"
    assert config["servers"]["web"]["options"]["memory"] == f"{64 * 2**20}b"
    assert config["proxy"]["hosts"] == ["shop.example.org"]
    assert "network-alias" not in config["servers"]["web"]["options"]
    assert config["env"]["clear"] == {"PORT": "8080"}
    assert "127.0.0.1" not in found["files"]["config/deploy.yml"]


def test_values_stay_here(tmp_path: Path) -> None:
    made = exports(tmp_path)
    values = {EnvName("TOKEN"): "never-told", EnvName("ODD"): "a\\b"}
    made.env.set(SHOP, values, datetime.now(UTC))
    found = made.kamal(SHOP)
    assert found["files"][".kamal/secrets"] == (
        "KAMAL_REGISTRY_PASSWORD=$KAMAL_REGISTRY_PASSWORD\nODD=$ODD\nTOKEN=$TOKEN\n"
    )
    assert not any("never-told" in text for text in found["files"].values())
    assert "concerns `ODD`:" in found["files"]["KAMAL.md"]
    assert found["notes"] == ["Kamal would change the values of ODD on their way: see KAMAL.md"]


def test_the_guide_tells_what_the_app_needs(tmp_path: Path) -> None:
    plain = exports(tmp_path / "a").kamal(SHOP)["files"]["KAMAL.md"]
    rich = exports(tmp_path / "b", storage=True, release="migrate --now").kamal(SHOP)["files"]["KAMAL.md"]
    assert "@" not in plain.replace("root@", "")
    assert "## Storage" not in plain
    assert "/var/lib/deployhost/storage/shop" in rich
    assert "'migrate --now'" in rich
    assert "@" not in rich.replace("root@", "")


def test_an_app_without_a_release(tmp_path: Path) -> None:
    made = exports(tmp_path)
    nothing = Exports(**{**vars(made), "releases": SimpleNamespace(live=lambda _: None)})
    with pytest.raises(NotFound) as error:
        nothing.kamal(SHOP)
    assert error.value.hint == "deployhost deploy shop"


def test_what_is_there_stays(tmp_path: Path) -> None:
    files = {"Dockerfile": "FROM a\n", "config/deploy.yml": "a: b\n"}
    assert write(tmp_path, files, again="again") == ["Dockerfile", "config/deploy.yml"]
    assert write(tmp_path, files, again="again") == []
    (tmp_path / "Dockerfile").write_text("mine\n")
    with pytest.raises(Conflict, match="Dockerfile") as error:
        write(tmp_path, {**files, "new": "x"}, again="again")
    assert error.value.hint == "again"
    assert not (tmp_path / "new").exists()
    assert write(tmp_path, files, again=None) == ["Dockerfile"]
    assert (tmp_path / "Dockerfile").read_text() == "FROM a\n"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("theirs")
    (tmp_path / "Dockerfile").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        write(tmp_path, {"Dockerfile": "ours"}, again="again")
    write(tmp_path, {"Dockerfile": "ours"}, again=None)
    assert (tmp_path / "elsewhere").read_text() == "theirs"
