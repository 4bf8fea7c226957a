"""Uninstalling: what is taken away, what stays, and that data goes only when it is asked to."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from deployhost.kamal import contract
from deployhost.model import AppName, Version
from deployhost.paths import Paths
from deployhost.server.steps import RemoveService, StopContainers, UninstallFiles, UninstallImages
from deployhost.server.uninstall import Uninstall
from deployhost.server.uninstall_plan import Present, plan_uninstall
from deployhost.system.docker import Docker
from deployhost.system.services import Services
from tests.fakes.docker import Engine, FakeDocker, proxy_container

PATHS = Paths(Path("/"))
ALL = Present(
    daemon=True,
    engine_kept=True,
    proxy=True,
    running=("blog-web-1",),
    stopped=("blog-web-0",),
    images=("127.0.0.1:5555/blog:1",),
    network=True,
    program_files=(Path("/usr/local/share/completion"),),
    data=(PATHS.config, PATHS.state),
    added=("docker.io", "iptables"),
)
KAMAL = replace(
    ALL,
    kamal_services=("deployhost-sshd", "deployhost-registry"),
    kamal_files=(PATHS.kamal_program, PATHS.ssh),
    held_back=(Path("/etc/ssh/sshd_not_to_be_run"),),
)


def names(present: Present, *, purge: bool) -> list[str]:
    return [step.word for step in plan_uninstall(present, PATHS, purge=purge)]


def test_the_daemon_goes_first_and_no_data_goes() -> None:
    expected = ["RemoveService", "RemoveContainers", "StopContainers", "RemoveFiles", "ReleaseService"]
    assert names(ALL, purge=False) == expected
    touched = [step for step in plan_uninstall(ALL, PATHS, purge=False) if isinstance(step, UninstallFiles)]
    assert [step.paths for step in touched] == [ALL.program_files]


def test_the_listener_is_ended_once_nobody_starts_it_again() -> None:
    assert names(replace(ALL, listener=True), purge=False)[:2] == ["RemoveService", "EndListener"]


def test_the_tunnel_goes_with_what_set_up_installed_for_it() -> None:
    present = Present(
        tunnel=True,
        tunnel_packages=("cloudflared",),
        tunnel_files=(Path("/etc/apt/x.list"),),
        users=("deployhost-tunnel",),
    )
    assert names(present, purge=False) == ["RemoveService", "UninstallPackages", "RemoveFiles", "UninstallUsers"]
    assert names(Present(tunnel=True), purge=False) == ["RemoveService"], "somebody else's cloudflared stays"


def test_purge_removes_data_after_everything_has_stopped() -> None:
    plan = plan_uninstall(ALL, PATHS, purge=True)
    expected = ["RemoveContainers", "RemoveImages", "RemoveNetwork", "RemoveFiles"]
    assert [step.word for step in plan][-4:] == expected
    *_, images, _network, files = plan
    assert isinstance(images, UninstallImages)
    assert isinstance(files, UninstallFiles)
    assert images.references == ALL.images
    assert files.paths == ALL.data


def test_nothing_is_left_to_do_on_a_clean_machine() -> None:
    assert names(Present(), purge=True) == []


def test_it_says_what_stays_and_how_docker_goes() -> None:
    said = " ".join(plan_uninstall(replace(ALL, accounts=("the GitHub App x stays",)), PATHS, purge=False).notes)
    assert said.startswith("the GitHub App x stays ")
    assert "/var/lib/deployhost" in said
    assert "apt-get remove --purge docker.io iptables" in said
    assert "it was here before setup" in " ".join(
        plan_uninstall(replace(ALL, engine=True, added=()), PATHS, purge=True).notes
    )


def test_nothing_is_said_of_docker_where_there_is_none() -> None:
    assert "Docker" not in " ".join(plan_uninstall(Present(), PATHS, purge=True).notes)


def test_what_kamal_needed_goes_with_the_program() -> None:
    plan = plan_uninstall(KAMAL, PATHS, purge=False)
    removed = [step.name for step in plan if isinstance(step, RemoveService)]
    assert removed == ["deployhostd", "deployhost-sshd", "deployhost-registry"]
    files = [step.paths for step in plan if isinstance(step, UninstallFiles)]
    assert (PATHS.kamal_program, PATHS.ssh) in files
    assert "rm /etc/ssh/sshd_not_to_be_run" in " ".join(plan.notes), (
        "the package stays, and must not open a port at the next boot"
    )


@pytest.mark.parametrize(
    ("status", "stops"),
    [("running", True), ("restarting", True), ("paused", True), ("exited", False), ("created", False)],
)
def test_what_is_stopped(tmp_path: Path, status: str, stops: bool) -> None:
    """What the engine goes on starting again, or what only pauses, does not stay behind."""
    shop = AppName("shop")
    paths = Paths(tmp_path)
    paths.repo(shop).mkdir(parents=True)
    engine = Engine(proxy=proxy_container())
    image = contract.image(shop, Version("0" * 40))
    engine.containers["c1"] = replace(
        proxy_container(),
        id="c1",
        name="shop-web",
        image=image,
        status=status,
        labels={"service": shop, "destination": ""},
    )
    docker = FakeDocker(engine)
    cast("Any", docker).network_exists = lambda _name: True
    services = cast("Services", SimpleNamespace(definition=lambda _name: None, manager="systemd"))
    plan = Uninstall(paths, cast("Docker", docker), services, print).plan(purge=False)
    assert [step.names for step in plan if isinstance(step, StopContainers)] == ([("shop-web",)] if stops else [])
