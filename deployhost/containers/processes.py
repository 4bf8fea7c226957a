"""Which processes a release has and what each runs: the Procfile's, then apps.yml. Pure."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from deployhost.build.detect.commands import LONGEST, MOST, start_of
from deployhost.build.labels import PROCESSES_LABEL
from deployhost.config.app import AppConfig
from deployhost.model import WEB, ProcessName
from deployhost.system.docker_model import Image

LONGEST_LABEL = 2 * MOST * LONGEST  # characters; our own are JSON of so many commands and their names
RELEASE = "release"  # the Procfile's name of what runs once before the switch (Heroku's release phase)


@dataclass(frozen=True)
class Process:
    """One process, a Kamal role; `argv` is None where the image's own command runs, `added` says that only today's apps.yml names it."""

    name: ProcessName
    argv: tuple[str, ...] | None = None
    added: bool = False


@dataclass(frozen=True)
class Processes:
    """What a release runs: the web process, the workers by name, the argv that runs once before the switch, and its author's words."""

    web: Process
    workers: tuple[Process, ...] = ()
    release: tuple[str, ...] | None = None
    release_text: str = ""


def processes_of(image: Image, config: AppConfig) -> Processes:
    """Return the processes of a release. apps.yml goes before the Procfile, name by name."""
    commands = _of_procfile(image)
    release = config.release or commands.pop(RELEASE, None)
    chosen = {str(name): process.command for name, process in config.processes.items() if process.command}
    known = {name: command for name, command in commands.items() if name != RELEASE}
    wanted: dict[str, str | tuple[str, ...]] = {**known, **chosen}
    web = wanted.pop(WEB, None)
    names = [ProcessName(name) for name in sorted(wanted)]
    return Processes(
        web=Process(WEB, None if web is None else _argv(web)),
        # One whose command is an argv is one that ran before.
        workers=tuple(
            Process(name, _argv(wanted[name]), name not in known and isinstance(wanted[name], str)) for name in names
        ),
        release=None if release is None else start_of(release).argv,
        release_text=release or "",
    )


def _argv(command: str | tuple[str, ...]) -> tuple[str, ...]:
    return start_of(command).argv if isinstance(command, str) else command


def of_label(labels: Mapping[str, str], name: str) -> dict[str, Any] | None:
    """Return what a label of ours says as JSON, or None if there is none, or somebody else's of that name."""
    text = labels.get(name, "")
    try:
        found = json.loads(text) if len(text) <= LONGEST_LABEL else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _of_procfile(image: Image) -> dict[str, str]:
    """Return the Procfile's commands as the image carries them, the web process left out: that one is the image's own command.

    Images of before deployhost set this label on each may carry their Dockerfile's own, so a Procfile's bounds hold here too.
    """
    found = {
        name: command
        for name, command in (of_label(image.labels, PROCESSES_LABEL) or {}).items()
        if ProcessName.pattern.fullmatch(name) and name != WEB and is_command(command)
    }
    return dict(itertools.islice(found.items(), MOST))


def is_command(command: object) -> TypeGuard[str]:
    """Return whether a label's value is a command that a Procfile can have."""
    return isinstance(command, str) and 0 < len(command.encode("utf-8", "replace")) <= LONGEST and command.isprintable()
