"""Which processes a release has and what each runs: the Procfile's, then apps.yml. Pure."""

import json
from dataclasses import dataclass

from deployhost.build.detect.commands import start_of
from deployhost.build.labels import PROCESSES_LABEL
from deployhost.config.app import AppConfig
from deployhost.model import WEB, ProcessName
from deployhost.system.docker_model import Image

RELEASE = "release"  # the Procfile's name of what runs once before the switch (Heroku's release phase)


@dataclass(frozen=True)
class Process:
    """One process, a Kamal role; `argv` is None where the image's own command runs."""

    name: ProcessName
    argv: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Processes:
    """What a release runs: the web process, the workers by name, the argv that runs once before the switch, and its author's words."""

    web: Process
    workers: tuple[Process, ...] = ()
    release: tuple[str, ...] | None = None
    release_text: str = ""


def processes_of(image: Image, config: AppConfig) -> Processes:
    """Given a release's image and the app's settings, return its processes. apps.yml goes before the Procfile, name by name."""
    commands = _of_procfile(image)
    release = config.release or commands.pop(RELEASE, None)
    chosen = {str(name): process.command for name, process in config.processes.items() if process.command}
    commands = {**{name: command for name, command in commands.items() if name != RELEASE}, **chosen}
    web = commands.pop(WEB, None)
    return Processes(
        web=Process(WEB, None if web is None else start_of(web).argv),
        workers=tuple(Process(ProcessName(name), start_of(commands[name]).argv) for name in sorted(commands)),
        release=None if release is None else start_of(release).argv,
        release_text=release or "",
    )


def _of_procfile(image: Image) -> dict[str, str]:
    """Return the Procfile's commands as the image carries them, the web process left out: that one is the image's own command."""
    try:
        found = json.loads(image.labels.get(PROCESSES_LABEL, "{}"))
    except ValueError:
        return {}  # somebody else's label of that name
    if not isinstance(found, dict):
        return {}
    return {
        name: command
        for name, command in found.items()
        if isinstance(command, str) and ProcessName.pattern.fullmatch(name) and name != WEB
    }
