"""The operations on the server: who answers, what no app needs any more, Kamal's projects."""

import deployhost
from deployhost.apps.view import iso
from deployhost.control.messages import Message
from deployhost.control.results import KamalPrepared, Left, Ping, Pruned
from deployhost.control.views import SurplusView
from deployhost.daemon.control import Emit
from deployhost.daemon.jobs import collect_by_hand
from deployhost.daemon.operations import requests
from deployhost.daemon.parts import Parts
from deployhost.errors import DockerUnavailable
from deployhost.model import AppName


def ping(parts: Parts, _request: Message, _emit: Emit) -> Ping:
    """Return who answers."""
    return {"version": deployhost.__version__, "pid": parts.pid, "started_at": iso(parts.started_at)}


def prune(parts: Parts, request: Message, _emit: Emit) -> Pruned:
    """Remove what apps no longer need, or, with dry_run, only say what; return that, and what it freed."""
    applied = not request.get("dry_run")
    before = parts.disks.engine()
    apps: list[SurplusView] = []
    errors: list[Exception] = []
    for app in sorted(parts.apps.known):
        try:
            apps.append(_pruned(parts, app, applied=applied))
        except DockerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - what the others do not need goes all the same
            errors.append(error)
    cache = parts.pruner.cache_surplus()
    if applied:
        parts.pruner.remove_cache(cache)
        collect_by_hand(parts)
    if errors:
        raise errors[0]
    after = parts.disks.engine()
    return {
        "applied": applied,
        "apps": apps,
        "cache": {"records": len(cache), "bytes": sum(record.size for record in cache)},
        "freed_bytes": max(0, after.free - before.free),
        "disk": {"path": after.path, "total_bytes": after.total, "free_bytes": after.free},
    }


def _pruned(parts: Parts, app: AppName, *, applied: bool) -> SurplusView:
    surplus = parts.pruner.surplus(app)
    if applied:
        parts.pruner.remove(surplus)
    return {"app": app, "containers": list(surplus.containers), "images": [*surplus.decided.images, *surplus.dangling]}


def leave_github(parts: Parts, request: Message, _emit: Emit) -> Left:
    """End the commit statuses that are pending by a connection which is about to end; return notes on what GitHub did not take."""
    return {"notes": parts.commit_statuses.leave(requests.text(request, "connection"))}


def prepare_kamal(parts: Parts, request: Message, _emit: Emit) -> KamalPrepared:
    """Write an app's Kamal project for the arguments that Kamal is to be run with.

    Return where it lies, with which version Kamal is to be run there, and what Kamal can't do with the app.
    """
    if parts.kamal.installed():  # else set-up is about to bring it, with the guard
        parts.registry_guard.ensure()
    project = parts.projects.prepare(requests.app_name(request), requests.texts(request, "arguments"))
    return {"directory": str(project.directory), "version": project.version, "warnings": list(project.warnings)}
