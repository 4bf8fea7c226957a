"""Whether Kamal's CLI is wanted on a server, and the services that it needs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from deployhost.paths import Paths
from deployhost.server.facts_kamal import KamalSetupFiles
from deployhost.server.kamal_services import kamal_wanted
from deployhost.system.services import Services


@dataclass
class Manager:
    """A service manager that knows their definitions and what they wrote."""

    manager: str = "supervisor"
    defined: dict[str, str] = field(default_factory=dict)

    def output(self, name: str) -> tuple[str, ...]:
        return (f"{name} says why",)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    for directory in (paths.ssh, paths.config, paths.bin):
        directory.mkdir(parents=True)
    return paths


def wanted(paths: Paths, *, asked: bool = False, manager: str = "supervisor") -> object:
    services = cast("Services", Manager(manager))
    return kamal_wanted(paths, services, asked=asked, ssh_port=None)


def test_it_is_wanted_when_asked_for_by_an_app_or_once_it_is_here(paths: Paths) -> None:
    assert wanted(paths) is None
    assert wanted(paths, asked=True) is not None
    paths.apps_yml.write_text("apps:\n  blog:\n    engine: kamal\n")
    assert wanted(paths) is not None
    paths.apps_yml.write_text("apps:\n  blog:\n    engine: nonsense\n")
    assert wanted(paths) is None, "a mistake in apps.yml is the daemon's to tell"
    paths.kamal_program.write_text("")
    paths.kamal_program.chmod(0o755)
    paths.ssh_key.write_text("")
    assert wanted(paths) is not None


@pytest.mark.parametrize("manager", ["systemd", "supervisor"])
def test_the_services_run_the_programs_with_our_settings(paths: Paths, manager: str) -> None:
    shall = kamal_wanted(paths, cast("Services", Manager(manager)), asked=True, ssh_port=2222)
    assert shall is not None
    files = KamalSetupFiles(paths)
    assert shall.ssh_port == 2222
    assert str(files.sshd_config) in shall.sshd_definition
    assert str(files.registry_config) in shall.registry_definition
    assert "docker-registry" in shall.registry_definition
    assert str(files.registry_rules) in shall.registry_definition, "it starts only once other accounts are kept out"
    assert "@" not in shall.registry_definition + shall.sshd_definition
