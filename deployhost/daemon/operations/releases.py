"""The operations on an app's releases: showing them, and rolling back to one."""

from deployhost.control.messages import Message
from deployhost.control.results import ReleasesFound, RollbackBegun, RolledBack
from deployhost.control.views import ReleaseView
from deployhost.daemon.control import Emit
from deployhost.daemon.operations import requests
from deployhost.daemon.operations.apps import listed, named
from deployhost.daemon.operations.following import shown
from deployhost.daemon.parts import Parts
from deployhost.deploy.queue import BUILDS
from deployhost.model import DeployStatus, Release


def list_releases(parts: Parts, request: Message, _emit: Emit) -> ReleasesFound:
    """Return an app's releases, newest first, each with its deploy."""
    app = named(parts, request)
    releases = parts.releases.of_app(app)
    made = [parts.rollbacks.deploy_of(release) for release in releases]
    views = [
        parts.views.release(release, deploy, after, has_image=parts.rollbacks.has_image(release))
        for release, deploy, after in zip(releases, made, [None, *made], strict=False)
    ]
    return {"app": app, "releases": views}


def rollback(parts: Parts, request: Message, emit: Emit) -> RolledBack:
    """Roll back to an earlier release or, with dry_run, only say to which; return both releases."""
    app = listed(parts, request).name
    wanted = None if request.get("release") is None else requests.text(request, "release")
    target, live = parts.rollbacks.target(app, wanted), parts.releases.live(app)
    rest: RollbackBegun = {
        "app": app,
        "release": _view(parts, target, has_image=True),
        "from": None if live is None else _view(parts, live),
        "applied": not request.get("dry_run"),
    }
    if not rest["applied"]:
        return {**rest, "deploy": None}
    before = [one for one in parts.deploys.open() if one.app == app]
    deploy = parts.intake.back(target)
    for running in before:
        if running.trigger in BUILDS and parts.deploys.is_open(running.id):
            text = (
                f"deploy {running.id} ({running.sha.short}) runs first, then the rollback; "
                f"to roll back sooner: deployhost cancel {app}, which cancels both, then roll back again"
            )
            emit({"event": "note", "text": text})
    if before:
        rest["from"] = None  # another release may be live by then
    view = shown(parts, deploy, request, emit, rest)
    left = parts.rollbacks.left_for(app, view["version"]) if view["status"] == DeployStatus.LIVE else None
    result: RolledBack = {**rest, "deploy": view}
    if left is not None:
        result["from"] = _view(parts, left)
    return result


def _view(parts: Parts, release: Release, *, has_image: bool | None = None) -> ReleaseView:
    return parts.views.release(release, parts.rollbacks.deploy_of(release), None, has_image=has_image)
