"""The results of the control socket's operations; what they are made of is in `views.py`."""

from typing import NotRequired, TypedDict

from deployhost.control.views import (
    AppView,
    CacheView,
    DeployView,
    DiskView,
    EnvView,
    ReleaseView,
    ServerView,
    StepView,
    SurplusView,
)
from deployhost.errors import ErrorView


class Ping(TypedDict):
    """Result of ping: who answers."""

    version: str
    pid: int
    started_at: str | None


class AppsFound(TypedDict):
    """Result of app.list; `problem` is the error that apps.yml has."""

    apps: list[AppView]
    problem: ErrorView | None


class StatusFound(AppsFound):
    """Result of app.status."""

    server: ServerView


class RemovalPlan(TypedDict):
    """Result of app.remove: what was deleted, or would be."""

    app: str
    steps: list[StepView]
    notes: list[str]
    applied: bool


class ConvergePlan(TypedDict):
    """Result of app.converge: what was repaired, or would be."""

    steps: list[StepView]
    notes: list[str]
    applied: bool


class DeploysFound(TypedDict):
    """Result of deploys.list, newest first."""

    deploys: list[DeployView]


class Cancelled(TypedDict):
    """Result of deploy.cancel: how each deploy that was queued or running ended."""

    app: str
    deploys: list[DeployView]


class Waited(TypedDict):
    """Result of deploy.wait: whether the last requested deploy is live, or why not."""

    app: str
    live: bool
    why: str
    deploy: DeployView


class ReleasesFound(TypedDict):
    """Result of releases.list, newest first."""

    app: str
    releases: list[ReleaseView]


RollbackBegun = TypedDict(
    "RollbackBegun",
    {"app": str, "release": ReleaseView, "from": ReleaseView | None, "applied": bool},
)
"""What is known of a rollback at its beginning; `from` is null while it is not known what will be live by then."""


class RolledBack(RollbackBegun):
    """Result of app.rollback; `deploy` is null in a dry run."""

    deploy: DeployView | None


class RefsFound(TypedDict):
    """Result of refs.list: branches, then tags."""

    refs: list[str]


class EnvFound(TypedDict):
    """Result of env.list."""

    app: str
    env: list[EnvView]


class EnvChange(TypedDict):
    """What changed of an app's variables; `not_set` has the names that could not be removed."""

    app: str
    changed: list[str]
    not_set: NotRequired[list[str]]


class EnvChanged(EnvChange):
    """Result of env.set and env.unset; `deploy` is null where nothing had to be deployed."""

    deploy: DeployView | None


class DomainsFound(TypedDict):
    """Result of domains.list."""

    app: str
    url: str
    domains: list[str]


class DomainsChanged(DomainsFound):
    """Result of domains.add and domains.remove."""

    changed: list[str]


class StorageState(TypedDict):
    """Where an app's storage lies; `path` is null where there is none, `mounted_at` where the app has none."""

    app: str
    enabled: bool
    path: str | None
    mounted_at: str | None


class StorageShown(StorageState):
    """Result of storage.show; `mounted` says whether the live release has it, null where that is not known."""

    mounted: bool | None
    deploy: NotRequired[None]


class StorageChange(StorageState):
    """What storage.enable and storage.disable changed."""

    changed: bool


class StorageChanged(StorageChange):
    """Result of storage.enable and storage.disable."""

    deploy: DeployView | None


class Pruned(TypedDict):
    """Result of prune: what was removed, or would be."""

    applied: bool
    apps: list[SurplusView]
    cache: CacheView
    freed_bytes: int
    disk: DiskView


class KamalPrepared(TypedDict):
    """Result of kamal.prepare: where the app's Kamal project lies, and the version to run Kamal with."""

    directory: str
    version: str
    warnings: list[str]


class Exported(TypedDict):
    """Result of app.export: the files of a Kamal project by path, without any variable's value."""

    app: str
    version: str
    files: dict[str, str]
    notes: list[str]


class PushView(TypedDict):
    """Result of push: what git is to answer, and whether git itself moves the ref."""

    outcome: str  # ok or ng
    message: str
    fall_through: NotRequired[bool]
    deploy: DeployView | None


class NoResult(TypedDict):
    """Result of an operation that has none."""
