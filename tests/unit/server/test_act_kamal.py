"""Carrying out the steps for Kamal's CLI: files that are noted as ours, a port that is noted."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from deployhost.config import server as server_config
from deployhost.paths import Paths
from deployhost.server import steps_kamal as steps
from deployhost.server.act_kamal import KamalActor
from deployhost.server.facts import install_record
from deployhost.server.facts_kamal import KamalSetupFiles
from deployhost.steps import Step, carry_out
from deployhost.system import packages
from deployhost.system.docker import Docker


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    for directory in (paths.ssh, paths.config, paths.bin):
        directory.mkdir(parents=True)
    return paths


@pytest.fixture
def act(paths: Paths) -> Callable[[Step], str]:
    acts = KamalActor(paths=paths, docker=cast("Docker", None), log=lambda _line: None).acts
    return lambda step: carry_out(step, acts)


def test_what_holds_services_back_is_noted_as_ours(act: Callable[[Step], str], paths: Paths) -> None:
    held = {path: text for path, (text, _) in KamalSetupFiles(paths).held_back.items()}
    act(steps.HoldBack(what="hold", why="w", files=held))
    assert {path: path.read_text() for path in held} == held
    assert set(packages.read_record(install_record(paths)).files) == {str(path) for path in held}


def test_the_port_is_noted_in_server_yml(act: Callable[[Step], str], paths: Paths) -> None:
    act(steps.SetSshPort(what="note", why="w", port=2222))
    assert server_config.load(paths.server_yml).ssh_port == 2222
