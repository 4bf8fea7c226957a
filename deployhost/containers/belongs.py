"""Which containers are an app's, and which belong to a release or a deploy: the one place that knows. Pure.

A container counts as an app's only if its name and its labels `service` and `role` agree, since an image can have labels too.
One that we made names its deploy in a label. One that Kamal made has no such label, but its version in its name
(lib/kamal/configuration/role.rb).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from deployhost.build.labels import DEPLOY_LABEL, WORKERS_LABEL
from deployhost.kamal import contract
from deployhost.model import WEB, AppName, ProcessName, Release, Version

HIGHEST_DEPLOY = 10**12  # no server has so many deploys, and the journal can count on from there
MOST_WORKERS = 100
_NUMBER = re.compile(r"[0-9]{1,13}")


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


def app_of(container: Labelled) -> AppName | None:
    """Return the app whose process or command a container runs, or None if its name and labels do not agree on one."""
    service, role = container.labels.get("service", ""), container.labels.get("role", "")
    if not AppName.pattern.fullmatch(service):
        return None
    app = AppName(service)
    named = _runs_command(container.name, app) if not role else process_of(container) is not None
    return app if named else None


def deploy_of(container: Labelled) -> int | None:
    """Return the number of the deploy that made a container, or None if that was not us."""
    label = container.labels.get(DEPLOY_LABEL, "")
    number = int(label) if _NUMBER.fullmatch(label) else -1
    return number if 0 <= number <= HIGHEST_DEPLOY else None


def process_of(container: Labelled) -> ProcessName | None:
    """Return the process that a container runs, or None for one that runs a command once, or is somebody else's."""
    role, service = container.labels.get("role", ""), container.labels.get("service", "")
    if not ProcessName.pattern.fullmatch(role) or contract.version_in(container.name, service, role) is None:
        return None
    return ProcessName(role)


def is_command(container: Labelled) -> bool:
    """Return whether a container runs a command once, such as a release command: it has no role then, as Kamal's have none."""
    return not container.labels.get("role")


def workers_of(web: Labelled) -> tuple[ProcessName, ...]:
    """Return the names of the workers that were made together with a web container of ours; Kamal's own says nothing of them."""
    if deploy_of(web) is None:
        return ()
    names = web.labels.get(WORKERS_LABEL, "").split()
    return tuple(ProcessName(name) for name in names[:MOST_WORKERS] if ProcessName.pattern.fullmatch(name))


def is_of(container: Labelled, app: AppName, *, deploy: int | None, version: Version | None) -> bool:
    """Return whether a container runs a process of an app for that deploy of ours, or, made by Kamal, for that version.

    Of one that we made, the version has to be the one in its name, where it is known.
    """
    process = process_of(container)
    if process is None or container.labels.get("service") != app:
        return False
    named = contract.version_in(container.name, app, process)
    if container.labels.get(DEPLOY_LABEL):
        return deploy is not None and deploy_of(container) == deploy and version in (None, named)
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


def _runs_command(name: str, app: AppName) -> bool:
    """Return whether a container has the name of one that runs a command of an app, Kamal's too (commands/app/execution.rb)."""
    return re.fullmatch(rf"{re.escape(app)}-[a-z][a-z0-9_]*-exec-.+", name) is not None
