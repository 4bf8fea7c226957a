"""What a release ran with, as its containers say: an automatic rollback brings all of that back, whatever apps.yml has by now.

Containers are kept, stopped, as long as one may go back to them (retention.py). Of one that is gone, today's settings are used.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from deployhost.build.labels import SETTINGS_LABEL
from deployhost.config.app import AppConfig
from deployhost.config.process import ProcessConfig
from deployhost.containers.belongs import of_release, workers_of
from deployhost.containers.processes import RELEASE, of_label
from deployhost.model import WEB, ProcessName, Release, Secret
from deployhost.system.docker import Docker
from deployhost.system.docker_answers import HIGHEST_PORT
from deployhost.system.docker_model import Container, variables

_PATH = re.compile(r"/[!-\"$-~]{0,2000}")  # of a URL, as apps.yml takes it


def ran_with(docker: Docker, release: Release, config: AppConfig) -> tuple[AppConfig, dict[str, Secret]] | None:
    """Return the settings and variables that a release ran with, given today's settings; None once it has no container."""
    web = docker.find(release.container)
    if web is None:
        return None
    env = {name: Secret(value) for name, value in variables(web.env).items()}
    return as_it_ran(config, web, workers_beside(docker, release)), env


def as_it_ran(config: AppConfig, web: Container, workers: Sequence[Container]) -> AppConfig:
    """Return an app's settings as they were for a release, from today's settings and the release's containers.

    What belongs to no container stays as it is today: hosts, storage, how releases take over, times. So does the size of logs:
    it is about the disk, not about how the release ran, and somebody may have lowered it because the disk was full.
    """
    processes = {
        ProcessName(one.labels["role"]): ProcessConfig(one.command or None, one.memory, one.cpus) for one in workers
    }
    for name in workers_of(web):
        today = config.processes.get(name, ProcessConfig())
        processes.setdefault(name, ProcessConfig(today.command, config.memory_of(name), config.cpus_of(name)))
    processes[WEB] = ProcessConfig(web.command or None, web.memory, web.cpus)
    # The container of a release command is not kept.
    processes[ProcessName(RELEASE)] = ProcessConfig(memory=web.memory, cpus=web.cpus)
    stop_timeout = config.stop_timeout if web.stop_timeout is None else web.stop_timeout
    then = replace(config, processes=processes, memory=None, cpus=None, stop_timeout=stop_timeout)
    said = of_label(web.labels, SETTINGS_LABEL)
    if said is None:
        return then  # Kamal made it, or a deployhost that did not write them down
    port, health, release = said.get("port"), said.get("health"), said.get("release")
    return replace(
        then,
        port=port if type(port) is int and 0 < port <= HIGHEST_PORT else None,
        health=health if isinstance(health, str) and _PATH.fullmatch(health) else None,
        release=release if isinstance(release, str) and release else None,
    )


def workers_beside(docker: Docker, release: Release) -> list[Container]:
    """Return the containers of a release's workers."""
    found = of_release(docker.listed({"service": release.app, "destination": ""}), release)
    return [one for listed in found if listed.id != release.container and (one := docker.find(listed.id)) is not None]
