"""The operations on deploys: push, deploy, restart, follow, list, cancel, wait."""

from deployhost.control.messages import Message
from deployhost.control.results import Cancelled, DeploysFound, PushView, RefsFound, Waited
from deployhost.control.views import DeployView
from deployhost.daemon.control import Emit, until_gone
from deployhost.daemon.operations import requests
from deployhost.daemon.operations.apps import listed, named
from deployhost.daemon.operations.following import follow, shown
from deployhost.daemon.parts import Parts
from deployhost.deploy.push_plan import PushKind, PushVerdict
from deployhost.errors import Conflict, NotFound, WaitTimedOut
from deployhost.model import AppName, Deploy, DeployStatus, Trigger

EVERY = 0.2  # seconds between looks at whether everything that was asked for has ended
LONGEST_NAME = 60  # characters of who cancels a deploy


def push(parts: Parts, request: Message, emit: Emit) -> PushView:
    """Take a push of one ref from git's hook, and follow its deploy, if it has one; return the PushView."""
    ref, old, new = (requests.text(request, key) for key in ("ref", "old", "new"))
    token = None if request.get("token") is None else requests.text(request, "token")
    taken = parts.intake.push(requests.app_name(request, "app"), ref, old, new, token)
    if isinstance(taken, PushVerdict) and taken.kind is PushKind.KEEP:
        emit({"event": "note", "text": taken.says})
        return {"outcome": "ok", "message": taken.says, "fall_through": True, "deploy": None}
    if isinstance(taken, PushVerdict):
        return {"outcome": "ng", "message": taken.says, "deploy": None}
    for note in taken.notes:
        emit({"event": "note", "text": note})
    deploy = follow(parts, taken.deploy.id, emit)
    view, outcome = parts.views.deploy(deploy), parts.intake.outcome(deploy)
    if outcome.note:
        emit({"event": "note", "text": outcome.note})
    return {"outcome": "ok" if outcome.taken else "ng", "message": outcome.says, "deploy": view}


def start(parts: Parts, request: Message, emit: Emit) -> DeployView:
    """Deploy the newest pushed commit of an app's branch, or the commit that `ref` names."""
    config = listed(parts, request)
    app, rebuild = config.name, bool(request.get("rebuild"))
    ref = None if request.get("ref") is None else requests.text(request, "ref")
    if config.source is not None:
        choice = parts.choices.deploy(app, ref, rebuild=rebuild)
        if choice.note:
            emit({"event": "note", "text": choice.note})
        return shown(parts, choice.deploy, request, emit)
    newest = parts.commits.pushed(app)
    sha = parts.commits.newest(app) if ref is None else parts.commits.named(app, ref)
    # git's branch follows what was pushed; whoever chooses another commit does not push it.
    branch = parts.commits.branch(app) if sha == newest or ref is None else None
    subject = parts.repository(app).commit(sha).subject
    deploy = parts.intake.choose(app, sha, subject=subject, branch=branch, rebuild=rebuild)
    if branch is None and newest is not None:
        emit({"event": "note", "text": f"{sha.short} is not the newest push ({newest.short}); the branch stays"})
    return shown(parts, deploy, request, emit)


def restart(parts: Parts, request: Message, emit: Emit) -> DeployView:
    """Replace an app's containers by new ones of the same image."""
    app = listed(parts, request).name
    live = parts.releases.live(app)
    if live is None:
        raise NotFound(f"{app} has no live release to restart", hint=f"deployhost deploy {app}")
    return shown(parts, parts.intake.repeat(live, Trigger.RESTART), request, emit)


def follow_deploy(parts: Parts, request: Message, emit: Emit) -> DeployView:
    """Show a deploy from its beginning to its end."""
    deploy = parts.deploys.get(requests.whole(request, "id", None) or 0)
    return parts.views.deploy(follow(parts, deploy.id, emit))


def list_deploys(parts: Parts, request: Message, _emit: Emit) -> DeploysFound:
    """Return an app's newest deploys."""
    limit = requests.whole(request, "limit", 20) or 20
    return {"deploys": [parts.views.deploy(one) for one in parts.deploys.of_app(named(parts, request), limit)]}


def list_references(parts: Parts, request: Message, _emit: Emit) -> RefsFound:
    """Return the branches and tags of an app's repository."""
    return {"refs": parts.repository(named(parts, request)).references()}


def cancel(parts: Parts, request: Message, _emit: Emit) -> Cancelled:
    """End an app's deploys that are queued or running; return them as they ended."""
    app = named(parts, request)
    by = requests.text(request, "by") if request.get("by") is not None else "root"
    printable = "".join(char for char in by if char.isprintable())[:LONGEST_NAME]
    asked = parts.cancellations.ask_all(app, printable or "root")
    parts.events.wake()
    if not asked:
        raise Conflict(f"{app} has no queued or running deploy{_last(parts, app)}", hint=f"deployhost status {app}")
    ended = [follow(parts, number, lambda _: None) for number in asked]
    return {"app": app, "deploys": [parts.views.deploy(deploy) for deploy in ended]}


def wait(parts: Parts, request: Message, emit: Emit) -> Waited:
    """Return how an app's last requested deploy has ended, once nothing is queued or running.

    `until`, in unix seconds, bounds that. Raise WaitTimedOut, NotFound if nothing was ever requested.
    """
    app = named(parts, request)
    until = requests.number(request, "until")
    with until_gone(emit) as gone:
        while under_way := [deploy for deploy in parts.deploys.open() if deploy.app == app]:
            if until is not None and parts.clock.time() >= until:
                deploy = under_way[-1]
                raise WaitTimedOut(
                    f"deploy {deploy.id} of {app} is still {deploy.status}", hint=f"deployhost wait {app}"
                )
            if gone.wait(EVERY):
                break
    asked = next((one for one in parts.deploys.of_app(app) if one.trigger is not Trigger.AUTO_ROLLBACK), None)
    if asked is None:
        raise NotFound(f"{app} was never deployed", hint=f"deployhost status {app}")
    why = _why_not_live(parts, asked)
    return {"app": app, "live": not why, "why": why, "deploy": parts.views.deploy(asked)}


def _why_not_live(parts: Parts, asked: Deploy) -> str:
    if asked.status is not DeployStatus.LIVE:
        return str((asked.error or {}).get("message", asked.status))
    releases = parts.releases.of_app(asked.app)
    return next((one.failed for one in releases if one.version == asked.version and one.failed), "")


def _last(parts: Parts, app: AppName) -> str:
    """Say how the newest deploy ended, for somebody who is too late."""
    newest = parts.deploys.newest(app)
    return "" if newest is None else f": deploy {newest.id} ({newest.sha.short}) is {newest.status}"
