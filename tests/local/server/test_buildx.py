"""The ways to the buildx plugin, in their order, on programs that note what they are asked."""

from pathlib import Path

import pytest

from deployhost.build import docker_cli
from deployhost.errors import SetupFailed
from deployhost.server import buildx
from deployhost.server import go as go_module
from deployhost.server.buildx import install_buildx

DOCKER = """#!/bin/sh
case $1 in --version) echo 'Docker version 28.2.2, build x' ;; buildx) [ -e {plugin} ] ;; esac
"""
APT = """#!/bin/sh
for last; do :; done
echo "$last" >> {root}/asked
case " $* " in *" --no-remove "*) ;; *) exit 9 ;; esac
if [ "$last" = "{has}" ]; then mkdir -p $(dirname {plugin}); touch {plugin}; exit 0; fi
echo "E: Unable to locate package $last" >&2
exit 100
"""
GO = """#!/bin/sh
case $1 in env) echo go1.26.1 ;; install) for last; do :; done; echo "$last" > {root}/module; echo plugin > $GOBIN/buildx ;; esac
"""


class Machine:
    """A directory of programs, and where the plugin will lie."""

    def __init__(self, root: Path) -> None:
        self.root, self.plugin = root, root / "plugins/docker-buildx"
        (root / "bin").mkdir()

    def program(self, name: str, text: str, **more: str) -> None:
        path = self.root / "bin" / name
        path.write_text(text.format(root=self.root, plugin=self.plugin, **more))
        path.chmod(0o755)

    def asked(self) -> list[str]:
        return (self.root / "asked").read_text().split()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(docker_cli, "USUAL", ())
    monkeypatch.setattr(docker_cli.DockerCli, "_candidates", lambda self: iter([tmp_path / "bin/docker"]))
    monkeypatch.setattr(go_module, "USUAL", "/nonexistent/go")
    monkeypatch.setattr(buildx, "PLUGIN", made.plugin)
    made.program("docker", DOCKER)
    made.program("apt-get", APT, has="")
    return made


def test_the_distributions_package_where_there_is_one(machine: Machine) -> None:
    machine.program("apt-get", APT, has="docker-buildx")
    assert install_buildx(print) == f"{machine.root}/bin/docker, with the package docker-buildx"
    assert machine.asked() == ["docker-buildx-plugin", "docker-buildx"]


def test_else_from_its_go_module(machine: Machine) -> None:
    machine.program("go", GO)
    assert "built from its Go module" in install_buildx(print)
    assert machine.plugin.read_text() == "plugin\n"
    assert machine.plugin.stat().st_mode & 0o777 == 0o755
    assert (machine.root / "module").read_text() == "github.com/docker/buildx/cmd/buildx@v0.38.2\n"


def test_when_none_works_each_way_says_why(machine: Machine) -> None:
    machine.program("go", "#!/bin/sh\necho go1.19.8\n")
    with pytest.raises(SetupFailed) as caught:
        install_buildx(print)
    assert caught.value.details[:2] == (
        "package docker-buildx-plugin: E: Unable to locate package docker-buildx-plugin",
        "package docker-buildx: E: Unable to locate package docker-buildx",
    )
    assert "is Go 1.19.8" in caught.value.details[2]
