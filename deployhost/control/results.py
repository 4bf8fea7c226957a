"""The results of the control socket's operations; what they are made of is in `views.py`."""

from typing import NotRequired, TypedDict

from deployhost.control import views
from deployhost.errors import ErrorView


class AboutApp(TypedDict):
    """What every result on one app has."""

    app: str


class Ping(TypedDict):
    """Result of ping: who answers."""

    version: str
    pid: int
    started_at: str | None


class AppsFound(TypedDict):
    """Result of app.list; `problem` is the error that apps.yml has."""

    apps: list[views.AppView]
    problem: ErrorView | None


class SourceAppBegun(AboutApp):
    """What is known at the beginning of the deploy of an app that was added from GitHub."""

    view: views.AppView
    notes: list[str]


class SourceAppAdded(SourceAppBegun):
    """Result of app.add_source; `deploy` is null where nothing had to be deployed."""

    deploy: views.DeployView | None


class StatusFound(AppsFound):
    """Result of app.status."""

    server: views.ServerView


class ConvergePlan(TypedDict):
    """Result of app.converge: what was repaired, or would be."""

    steps: list[views.StepView]
    notes: list[str]
    applied: bool


class RemovalPlan(AboutApp, ConvergePlan):
    """Result of app.remove: what was deleted, or would be."""


class DeploysFound(TypedDict):
    """Result of deploys.list, newest first."""

    deploys: list[views.DeployView]


class Cancelled(AboutApp, DeploysFound):
    """Result of deploy.cancel: how each deploy that was queued or running ended."""


class Waited(AboutApp):
    """Result of deploy.wait: whether the last requested deploy is live, or why not."""

    live: bool
    why: str
    deploy: views.DeployView


class ReleasesFound(AboutApp):
    """Result of releases.list, newest first."""

    releases: list[views.ReleaseView]


RollbackBegun = TypedDict(
    "RollbackBegun",
    {"app": str, "release": views.ReleaseView, "from": views.ReleaseView | None, "applied": bool},
)
"""What is known of a rollback at its beginning; `from` is null while it is not known what will be live by then."""


class RolledBack(RollbackBegun):
    """Result of app.rollback; `deploy` is null in a dry run."""

    deploy: views.DeployView | None


class RefsFound(TypedDict):
    """Result of refs.list: branches, then tags."""

    refs: list[str]


class EnvFound(AboutApp):
    """Result of env.list."""

    env: list[views.EnvView]


class EnvChange(AboutApp):
    """What changed of an app's variables; `not_set` has the names that could not be removed."""

    changed: list[str]
    not_set: NotRequired[list[str]]


class EnvChanged(EnvChange):
    """Result of env.set and env.unset; `deploy` is null where nothing had to be deployed."""

    deploy: views.DeployView | None


class DomainsFound(AboutApp):
    """Result of domains.list."""

    url: str
    domains: list[str]
    records: list[views.DomainView]


class DomainsChanged(DomainsFound):
    """Result of domains.add and domains.remove; `notes` say which records are still to be deleted."""

    changed: list[str]
    notes: list[str]


class StorageState(AboutApp):
    """Where an app's storage lies; `path` is null where there is none, `mounted_at` where the app has none."""

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

    deploy: views.DeployView | None


class Pruned(TypedDict):
    """Result of prune: what was removed, or would be."""

    applied: bool
    apps: list[views.SurplusView]
    cache: views.CacheView
    freed_bytes: int
    disk: views.DiskView


class KamalPrepared(TypedDict):
    """Result of kamal.prepare: where the app's Kamal project lies, and the version to run Kamal with."""

    directory: str
    version: str
    warnings: list[str]


class Left(TypedDict):
    """Result of github.leave: notes on the commit statuses that stay pending at GitHub."""

    notes: list[str]


class Exported(AboutApp):
    """Result of app.export: the files of a Kamal project by path, without any variable's value."""

    version: str
    files: dict[str, str]
    notes: list[str]


class PushView(TypedDict):
    """Result of push: what git is to answer, and whether git itself moves the ref."""

    outcome: str  # ok or ng
    message: str
    fall_through: NotRequired[bool]
    deploy: views.DeployView | None


class NoResult(TypedDict):
    """Result of an operation that has none."""
