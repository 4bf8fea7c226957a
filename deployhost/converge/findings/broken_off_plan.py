"""Deploys that run, and that nobody works on any more: finished if they had switched, else taken back. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from deployhost.containers.belongs import is_command
from deployhost.converge.facts import AppContainer, AppFacts
from deployhost.deploy.queue import overtakes
from deployhost.errors import AppNotFound, DeployCancelled, DeployFailed
from deployhost.model import WEB, Deploy, DeployStatus
from deployhost.steps import Diagnosis, Step

ATTEMPTS = 3  # a deploy whose every attempt takes the daemon down must not do so for ever


class FinishSwitched(Step):
    """Write down as live what requests go to already."""

    deploy: Deploy
    container: str
    port: int


class RemoveContainer(Step):
    """Remove a container; `gently` is whether it may end by itself first."""

    container: str
    gently: bool = False


class EndDeploy(Step):
    """End a deploy that nobody works on."""

    deploy: int
    status: DeployStatus
    error: Mapping[str, Any] | None = None
    by: int | None = None


class BeginAgain(Step):
    """Queue a deploy that broke off."""

    deploy: int


def broken_off(facts: AppFacts) -> Diagnosis:
    """Return what finishes an app's broken off deploys, or takes them back and begins them again where that makes sense."""
    broken = [deploy for deploy in facts.open if deploy.id in facts.broken_off]
    return Diagnosis(tuple(step for deploy in broken for step in _steps(facts, deploy)))


def finish(facts: AppFacts, deploy: Deploy, serving: AppContainer) -> Step:
    """Return the step that writes down as live what a deploy had switched to."""
    return FinishSwitched(
        what=f"write down that deploy {deploy.id} of {facts.app} is live",
        why="it broke off after the switch: requests go to its container already",
        deploy=deploy,
        container=serving.id,
        port=facts.routed_port,
    )


def _steps(facts: AppFacts, deploy: Deploy) -> Iterator[Step]:
    routed = facts.routed
    if routed is not None and routed.role == WEB and routed.is_of(deploy) and not facts.removed:
        yield finish(facts, deploy, routed)
        return
    for container in facts.containers:
        if container.deploy == deploy.id:
            yield RemoveContainer(
                what=f"remove {container.name}",
                why=f"deploy {deploy.id} broke off before it was live",
                container=container.id,
                gently=is_command(container),  # the release command: what it does to a database may be half done
            )
    yield _outcome(facts, deploy)


def _outcome(facts: AppFacts, deploy: Deploy) -> Step:
    def end(why: str, status: DeployStatus, error: Mapping[str, Any] | None = None, by: int | None = None) -> Step:
        what = f"end deploy {deploy.id} of {facts.app}"
        return EndDeploy(what=what, why=why, deploy=deploy.id, status=status, error=error, by=by)

    if facts.removed:
        gone = AppNotFound(f"there is no app {facts.app}", hint="deployhost list").to_json()
        return end("the app was removed", DeployStatus.CANCELLED, gone)
    if deploy.cancel:
        cancelled = deploy.error or DeployCancelled("cancelled").to_json()
        return end("somebody cancelled it", DeployStatus.CANCELLED, cancelled)
    newer = next((other for other in facts.recent if _is_newer(other, deploy)), None)
    if newer is not None:
        return end(f"the newer deploy {newer.id} has overtaken it", DeployStatus.SUPERSEDED, by=newer.id)
    if deploy.attempt >= ATTEMPTS:
        said = f"deployhostd ended {deploy.attempt} times during this deploy"
        failed = DeployFailed(said, hint=f"deployhost deploy {facts.app}").to_json()
        return end(f"it broke off {deploy.attempt} times", DeployStatus.FAILED, failed)
    what = f"begin deploy {deploy.id} of {facts.app} again"
    return BeginAgain(what=what, why="it broke off before it was live", deploy=deploy.id)


def _is_newer(other: Deploy, deploy: Deploy) -> bool:
    """Return whether another deploy of the app makes the interrupted one pointless."""
    going = other.status in (DeployStatus.QUEUED, DeployStatus.RUNNING, DeployStatus.LIVE)
    return other.id > deploy.id and going and overtakes(other.trigger, deploy)
