"""Containers of ours that serve nobody, drain for nobody and belong to no deploy under way. Pure."""

from collections.abc import Iterator

from deployhost.containers.belongs import is_command
from deployhost.converge.facts import AppContainer, AppFacts
from deployhost.converge.findings.broken_off_plan import RemoveContainer
from deployhost.model import WEB
from deployhost.steps import Diagnosis, Step


class StopContainer(Step):
    """Stop a container that is kept for its logs."""

    container: str


def strays(facts: AppFacts) -> Diagnosis:
    """Return the steps that stop or remove an app's strays. A frozen one is left to whoever froze it."""
    if facts.live is None and not facts.known:
        return Diagnosis()  # nothing is known of this app: nothing tells a stray from what is in use
    return Diagnosis(tuple(_strays(facts)))


def _strays(facts: AppFacts) -> Iterator[Step]:
    spared = {drain.container for drain in facts.drains} | {one.id for one in facts.live_containers}
    under_way = {deploy.id for deploy in facts.open}
    for one in facts.containers:
        if one.deploy is None or one.deploy in under_way or one.id in spared or one is facts.routed or one.frozen:
            continue
        command = is_command(one)
        if command or one.status == "created":
            why = "what it was made for has ended" if command else "it was never started"
            yield RemoveContainer(what=f"remove {one.name}", why=why, container=one.id, gently=command)
        elif one.runs and not _still_needed(facts, one):
            yield StopContainer(what=f"stop {one.name}", why="it serves nobody", container=one.id)


def _still_needed(facts: AppFacts, worker: AppContainer) -> bool:
    """Return whether what is live is Kamal's and Kamal runs no worker of that role: who stops ours decides a person."""
    web = facts.live_web
    if worker.role == WEB or web is None or web.deploy is not None:
        return False
    return not any(one.role == worker.role and one.deploy is None and one.runs for one in facts.containers)
