"""Carrying out the steps for Kamal's CLI: files that are noted as ours, a port that is noted."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from deployhost.config import server as server_config
from deployhost.errors import SetupFailed
from deployhost.kamal import guard_plan
from deployhost.paths import Paths
from deployhost.server import steps_kamal as steps
from deployhost.server.act_kamal import KamalActor
from deployhost.server.facts import install_record
from deployhost.server.facts_kamal import REGISTRY, KamalSetupFiles
from deployhost.steps import Step, carry_out
from deployhost.system import packages
from deployhost.system.docker import Docker
from deployhost.system.firewall import Family
from tests.fakes.firewall import FakeFirewall
from tests.fakes.services import FakeServices


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    for directory in (paths.ssh, paths.config, paths.bin):
        directory.mkdir(parents=True)
    return paths


@pytest.fixture
def act(paths: Paths) -> Callable[[Step], str]:
    acts = actor(paths).acts
    return lambda step: carry_out(step, acts)


def actor(paths: Paths, services: FakeServices | None = None, firewall: FakeFirewall | None = None) -> KamalActor:
    return KamalActor(
        paths=paths,
        docker=cast("Docker", None),
        services=services or FakeServices(),
        log=lambda _line: None,
        firewall=firewall or FakeFirewall(),
    )


def test_what_holds_services_back_is_noted_as_ours(act: Callable[[Step], str], paths: Paths) -> None:
    held = {path: text for path, (text, _) in KamalSetupFiles(paths).held_back.items()}
    act(steps.HoldBack(what="hold", why="w", files=held))
    assert {path: path.read_text() for path in held} == held
    assert set(packages.read_record(install_record(paths)).files) == {str(path) for path in held}


def test_the_port_is_noted_in_server_yml(act: Callable[[Step], str], paths: Paths) -> None:
    act(steps.SetSshPort(what="note", why="w", port=2222))
    assert server_config.load(paths.server_yml).ssh_port == 2222


GUARD = steps.GuardRegistry(what="guard", why="w")


def test_only_root_is_let_in_before_the_registry_starts(paths: Paths) -> None:
    firewall = FakeFirewall()
    carry_out(GUARD, actor(paths, firewall=firewall).acts)
    assert [rule for rule in firewall.tables[Family.IPV4] if guard_plan.CHAIN in rule.split()[1:2]][1:]


def test_a_registry_that_can_not_be_guarded_is_stopped(paths: Paths) -> None:
    services = FakeServices(definitions={REGISTRY: "of an older version"}, running={REGISTRY})
    with pytest.raises(SetupFailed, match="iptables is not installed"):
        carry_out(GUARD, actor(paths, services, FakeFirewall(missing=True)).acts)
    assert REGISTRY not in services.running
