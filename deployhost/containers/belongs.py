"""Which containers belong to a release or a deploy: the one place that knows. Pure.

A container that we made names its deploy in a label. One that Kamal made has no such label, but its version in its name
(lib/kamal/configuration/role.rb).
"""

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from deployhost.kamal import contract
from deployhost.model import WEB, AppName, ProcessName, Release, Version

DEPLOY_LABEL = "deployhost.deploy"  # the deploy that made a container; names and numbers only
WORKERS_LABEL = "deployhost.workers"  # on the web container: the workers that were made with it, with spaces between


class Labelled(Protocol):
    """A container in whatever form: as it was inspected, or as it was listed."""

    @property
    def id(self) -> str:
        """Return its id."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Return its labels."""


Kind = TypeVar("Kind", bound=Labelled)


def deploy_of(container: Labelled) -> int | None:
    """Return the number of the deploy that made a container, or None if that was not us."""
    label = container.labels.get(DEPLOY_LABEL, "")
    return int(label) if label.isdecimal() else None


def process_of(container: Labelled) -> ProcessName | None:
    """Return the process that a container runs, or None for one of a release command, or of somebody else."""
    role = container.labels.get("role", "")
    return ProcessName(role) if ProcessName.pattern.fullmatch(role) else None


def is_command(container: Labelled) -> bool:
    """Return whether a container runs a command once, such as a release command: it has no role then, as Kamal's have none."""
    return not container.labels.get("role")


def workers_of(web: Labelled) -> tuple[ProcessName, ...]:
    """Return the names of the workers that were made together with a web container of ours."""
    return tuple(map(ProcessName, web.labels.get(WORKERS_LABEL, "").split()))


def is_of(container: Labelled, app: AppName, *, deploy: int | None, version: Version | None) -> bool:
    """Return whether a container runs a process of an app for that deploy of ours, or, made by Kamal, for that version."""
    process = process_of(container)
    if process is None or container.labels.get("service") != app:
        return False
    if DEPLOY_LABEL in container.labels:
        return deploy is not None and deploy_of(container) == deploy
    return version is not None and container.name == contract.container_name(app, process, version)


def of_release(found: Iterable[Kind], release: Release) -> list[Kind]:
    """Return those of an app's containers that run a release's processes, the web one first.

    What the web container says of its deploy counts more than the journal, which may have been lost and begun again since.
    """
    found = list(found)
    web = next((one for one in found if one.id == release.container), None)
    deploy = release.deploy if web is None else deploy_of(web)
    workers = [
        one
        for one in found
        if process_of(one) != WEB and is_of(one, release.app, deploy=deploy, version=release.version)
    ]
    return [*([] if web is None else [web]), *workers]
