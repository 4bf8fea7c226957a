"""Notes on an app for people: its state, and why it is not what one would expect."""

from collections.abc import Sequence

from deployhost.containers.belongs import workers_of
from deployhost.control.views import AppState, Left
from deployhost.kamal.contract import PAUSED, STOPPED, Route
from deployhost.kamal.lock import LockDetails
from deployhost.model import WEB, AppName, Deploy, DeployStatus, Release, Trigger
from deployhost.system.docker_model import Container

CAME_TO_NOTHING = {DeployStatus.FAILED: "failed", DeployStatus.CANCELLED: "was cancelled"}


def state(
    app: AppName,
    live: Release | None,
    newest: Deploy | None,
    *,
    problem: str,
    containers: Sequence[Container],
    route: Route | None,
) -> tuple[AppState, str]:
    """Return an app's state and a note on it. What the journal knows is shown even if the engine does not answer."""
    if newest is not None and not newest.status.ended:
        return "deploying", ""
    if live is None:
        return "empty" if newest is None else "failed", ""
    if problem:
        return "down", problem
    web = next((one for one in containers if one.id == live.container), None)
    return _reached(app, web, route) if web is not None and web.running else _away(live, web)


def _away(live: Release, web: Container | None) -> tuple[AppState, str]:
    """Return the state of an app whose live web container does not run, and what to do about it."""
    if web is not None and web.status == "paused":
        return "down", _frozen(web)
    again = f"to start it again: deployhost restart {live.app}"
    down = "its container is gone" if web is None else _restarts(web) or _ended(web)
    if live.stopped:
        return "stopped", f"it was stopped {live.stopped}; {again}"
    return "down", f"{down}; {again}"


def _reached(app: AppName, web: Container, route: Route | None) -> tuple[AppState, str]:
    """Return the state of an app whose web container runs, by whether requests are sent there."""
    if route is not None and route.state == STOPPED:
        return "stopped", f"it is in maintenance: visitors get 503; to end that: deployhost kamal {app} -- app live"
    if route is not None and route.state == PAUSED:
        return "held", "kamal-proxy holds its requests"
    return "live", _restarts(web)


def difference(app: AppName, live: Release | None, pushed: Deploy | None, chosen: Deploy | None, *, state: str) -> str:
    """Say where the live release and the last push differ, and why; `chosen` is the deploy that chose the live release."""
    if live is None or (pushed is not None and not pushed.status.ended):
        return ""
    if chosen is not None and (pushed is None or chosen.id > pushed.id):
        return _chosen(app, live, pushed, chosen)
    if pushed is None or pushed.sha == live.sha:
        return ""
    stays = f"; {live.sha.short} keeps serving" if state not in ("down", "stopped") else ""
    if pushed.status in CAME_TO_NOTHING:
        return f"the newest push {pushed.sha.short} {CAME_TO_NOTHING[pushed.status]}{stays}"
    return f"the newest push is {pushed.sha.short} ({pushed.status}){stays}"


def _chosen(app: AppName, live: Release, pushed: Deploy | None, chosen: Deploy) -> str:
    differs = pushed is not None and pushed.sha != live.sha
    newest = "" if pushed is None else pushed.sha.short
    head = f"; {newest} was pushed last; to roll forward: deployhost deploy {app}" if differs else ""
    if chosen.trigger is Trigger.AUTO_ROLLBACK:
        if not differs and live.deploy != chosen.id:
            return ""  # the same commit has been deployed with other settings since
        again = head or f"; it runs with the earlier settings; to apply the current ones: deployhost restart {app}"
        return (
            f"rolled back automatically to {live.sha.short}, because {chosen.reason or 'the new release failed'}{again}"
        )
    if not differs:
        return ""
    if chosen.trigger is Trigger.ROLLBACK:
        return f"rolled back to {live.sha.short} by hand{head}"
    return f"{live.sha.short} was deployed {'with Kamal' if chosen.trigger is Trigger.KAMAL else 'by hand'}{head}"


def settings(app: AppName, live: Release | None, changed: Deploy | None) -> str:
    """Say it if the deploy of the last change of settings did not reach the live release."""
    if live is None or changed is None or changed.id < live.deploy or changed.status not in CAME_TO_NOTHING:
        return ""
    how = CAME_TO_NOTHING[changed.status]
    return f"its settings changed, but the deploy that applies them {how}; to try again: deployhost restart {app}"


def way_back(live: Release | None, tried: Deploy | None, older: Release | None) -> str:
    """Say it if the automatic rollback that was tried last failed; `older` is a release before the one it led to."""
    if live is None or not live.failed or tried is None or tried.status is not DeployStatus.FAILED:
        return ""
    error, to = tried.error or {}, tried.target or tried.sha
    settings = f" ({error['settings']})" if error.get("settings") else ""
    if settings:
        fix = f"to roll back once that is fixed: deployhost rollback {live.app} {to.short}"
    elif older is not None:
        fix = f"to roll back further: deployhost rollback {live.app} {older.version.short}"
    else:
        fix = f"to see why: deployhost logs {live.app} --deploy {tried.id}"
    why = f"{error.get('message', 'the reason is not known')}{settings}"
    return (
        f"it failed in its first minute: {live.failed}; the automatic rollback to {to.short} failed too: {why}; {fix}"
    )


def workers(containers: Sequence[Container]) -> str:
    """Say which workers of a release do not run, were started again, or have lost their container."""
    made = [name for container in containers for name in workers_of(container)]
    there = {container.labels.get("role") for container in containers}
    told = [f"{name}: its container is gone" for name in made if name not in there]
    ended = bool(told)
    for container in containers:
        name = container.labels.get("role", WEB)
        if name != WEB and container.status == "paused":
            told.append(f"{name}: {_frozen(container)}")
        elif name != WEB and (not container.running or container.restart_count):
            told.append(f"{name}: {_restarts(container) or _ended(container)}")
            ended = ended or container.status not in ("running", "restarting")  # the engine itself starts those again
    if ended:
        told.append(f"to start it again: deployhost restart {containers[0].labels.get('service', '')}")
    return "; ".join(told)


def old_mount(app: AppName) -> str:
    """Say that an app's container was started before the storage was mounted as it is now."""
    return (
        "its container was started before the apps' storage was mounted nosuid,nodev, and has that from its next deploy on; "
        f"to restart it now: deployhost restart {app}"
    )


def unlisted(app: AppName) -> str:
    """Say that an app is no longer in apps.yml, and what can be done about it."""
    return (
        f"{app} is no longer in apps.yml; its containers, images and data stay unchanged; "
        f"to remove it: deployhost remove {app}; to add it again: deployhost add {app}"
    )


def lock(app: AppName, details: LockDetails, now: float) -> str:
    """Say who holds Kamal's lock on an app, and for how long."""
    return (
        f"{details.by} has held Kamal's lock for {_span(details.age(now))}: no deploy runs until it is released; "
        f"if its holder is gone: deployhost kamal {app} -- lock release"
    )


def left(release: Release, after: Deploy | None) -> tuple[Left | None, str]:
    """Return why a release is no longer live, as a word and as a sentence; `after` went live after it."""
    if release.failed:
        return "failed", release.failed
    if release.is_live or after is None:
        return None, ""
    if after.trigger is Trigger.AUTO_ROLLBACK:
        return "failed", after.reason
    if after.trigger is Trigger.ROLLBACK:
        return "rolled_back", f"rolled back to {(after.target or after.sha).short}"
    return "replaced", ""


def _restarts(container: Container) -> str:
    """Say how often the engine started it again, and how it ended last unless it runs."""
    count = container.restart_count
    if not count:
        return ""
    ended = "" if container.running else f" (last exit code {container.exit_code})"
    return f"it ended and was started again {count} {'time' if count == 1 else 'times'} since it went live{ended}"


def _ended(container: Container) -> str:
    if container.oom_killed:
        return "it ran out of memory and was killed"
    if container.status == "exited":
        return f"it ended with exit code {container.exit_code}"
    return f"its container is {container.status}"


def _frozen(container: Container) -> str:
    return f"it is frozen (docker pause); to let it go on: docker unpause {container.name}"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
