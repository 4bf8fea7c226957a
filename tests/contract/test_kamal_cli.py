"""The real Kamal CLI reads what we write: values exactly, nothing run, and projects that it accepts."""

import random
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from deployhost.config.app import AppConfig
from deployhost.kamal import env_values, installation
from deployhost.kamal.deploy_yml import Build, KamalApp, Registry, Ssh, deploy_yml
from deployhost.kamal.project import KamalProject
from deployhost.model import WEB, AppName, ProcessName
from deployhost.paths import Paths
from deployhost.system.docker_model import ContainerSpec
from tests.real.kamal import PATHS, bring_kamal
from tests.real.system_under_test import set_up

PIECES = (
    "'", '"', "\\", "$", "$HOME", "${HOME}", "$(id)", "$(", "`id`", "`", "#", " # ", "=", " ", "\t", "<%= 1 + 1 %>", "<%", "%>",
    "%", "{{x}}", "#{1}", "é", "😀", "!", "&", "|", ";", "export X=1", "\\n", "a", "\x1b", "\u2028",
)  # fmt: skip
SEED, COUNT = 20261123, 400


@pytest.fixture(scope="module", autouse=True)
def _kamal() -> None:
    set_up()
    bring_kamal()


def kamal(directory: Path, *arguments: str, **environment: str) -> str:
    """Run Kamal's CLI in a project and return what it wrote."""
    done = subprocess.run(
        [str(PATHS.kamal_program), *arguments],
        cwd=directory,
        env=installation.environment(PATHS, {"VERSION": "abc", **environment}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def odd_values() -> dict[str, str]:
    """Values put together at random of what one of the parsers on the way might take for its own."""
    chance = random.Random(SEED)
    return {f"V{number}": "".join(chance.choices(PIECES, k=chance.randint(0, 6))) for number in range(COUNT)}


def an_app(**more: object) -> KamalApp:
    spec = ContainerSpec(
        name="shop",
        image="",
        env={"PORT": "8080"},
        command=("sh", "-c", "echo '<%= 1 + 1 %>' $(id) `id` \"$HOME\""),
        binds=("/data:/storage",),
        memory=128 * 1024**2,
        cpus=0.5,
        init=True,
        stop_timeout=5,
        pids_limit=100,
        cap_drop=("ALL",),
        cap_add=("CHOWN",),
        security_opt=("no-new-privileges",),
        aliases=("shop",),
    )
    settings: dict[str, object] = {
        "config": AppConfig(AppName("shop")),
        "roles": {WEB: spec, ProcessName("on"): spec},
        "hosts": ("shop.localhost", "shop.example.com"),
        "port": 8080,
        "health": "/up?a=<%=1%>",
        "registry": Registry("127.0.0.1:5555", "somebody", password="none"),
        "build": Build(arch="amd64"),
        "ssh": Ssh(822, Path("/key"), Path("/config")),
        "proxy_port": 80,
        "labels": {"deployhost.deploy": "1"},
    }
    return KamalApp(**settings | more)  # type: ignore[arg-type]


def test_secrets_survive(tmp_path: Path) -> None:
    wanted = env_values.split(odd_values()).secrets
    assert len(wanted) > COUNT / 4
    directory = KamalProject(Paths(tmp_path)).write(an_app(), odd_values(), "image")
    # Each one's value may hold no newline, so the lines can be told apart.
    found = dict(line.split("=", 1) for line in kamal(directory, "secrets", "print").rstrip("\n").split("\n"))
    assert found == dict(wanted)


def test_a_project_is_accepted(tmp_path: Path) -> None:
    directory = KamalProject(Paths(tmp_path)).write(an_app(), odd_values(), "image")
    found = YAML(typ="safe").load(kamal(directory, "config").replace(":roles:", "roles:"))
    assert found["roles"] == ["on", "web"]


def test_a_trusted_configuration_is_joined(tmp_path: Path) -> None:
    tree, paths = tmp_path / "tree", Paths(tmp_path / "root")
    (tree / "config").mkdir(parents=True)
    (tree / "config/deploy.yml").write_text(
        'service: <%= ["sh", "op"].join %>\nservers: ["127.0.0.1"]\nregistry: {server: "localhost:5000"}\n'
        "builder: {arch: amd64}\nenv: {secret: [A]}\nproxy: {host: elsewhere.example.com, app_port: 3000}\n"
    )
    directory = KamalProject(paths).write_trusted(an_app(), {"A": "it's"}, tree)
    said = kamal(directory, "config")
    assert "127.0.0.1:5555/shop:abc" in said
    assert ":port: 822" in said
    (tree / "config/deploy.yml").write_text("service: other\n")
    with pytest.raises(AssertionError, match="service must be shop"):
        kamal(directory, "config")


def test_an_export_is_accepted(tmp_path: Path) -> None:
    app = an_app(
        ssh=None,
        proxy_port=None,
        labels={},
        secrets=("TOKEN",),
        servers=("192.0.2.1", "192.0.2.2"),
        registry=Registry("registry.example.com", "somebody", secret="KAMAL_REGISTRY_PASSWORD"),
        build=Build(arch="amd64", driver=None),
    )
    for name, text in {
        "config/deploy.yml": deploy_yml(app, header="made\nby a test"),
        ".kamal/secrets": env_values.secrets_template(("KAMAL_REGISTRY_PASSWORD", "TOKEN")),
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    said = kamal(tmp_path, "config", KAMAL_REGISTRY_PASSWORD="p", TOKEN="t")
    assert "registry.example.com/shop:abc" in said
