"""What is not as it should be, and the steps that mend it: journal, Docker and the proxy compared, app by app. Pure.

A plan is made again after each of its rounds, so a round holds only what can be decided from what was seen: requests that
are held come first, then deploys that broke off, then what Kamal did on its own, then the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from deployhost.converge.adoption_plan import Adopt, Adoption, adoption
from deployhost.converge.facts import AppFacts, Seen, ServerFacts
from deployhost.converge.presence_plan import RUNS, presence, unplugged
from deployhost.converge.steps import (
    BeginAgain,
    ConnectProxy,
    EndDeploy,
    EndDrain,
    FinishSwitched,
    LetGo,
    MakeNetwork,
    MakeProxy,
    RemoveContainer,
    Reroute,
    SkipNumbers,
    StartProxy,
    StopContainer,
)
from deployhost.deploy.queue import overtakes
from deployhost.errors import AppNotFound, DeployCancelled, DeployFailed
from deployhost.kamal.contract import NETWORK, PAUSED, PROXY_CONTAINER
from deployhost.model import WEB, Deploy, DeployStatus, Hold
from deployhost.steps import Plan, Step

ATTEMPTS = 3  # a deploy whose every attempt takes the daemon down must not do so for ever
FRESH_LOCK = 120.0  # seconds for which somebody's Kamal may be at the proxy itself (`kamal proxy reboot`)


@dataclass(frozen=True)
class _Round:
    """The steps of one round, with the notes."""

    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def plan(self) -> Plan:
        return Plan(tuple(self.steps), tuple(self.notes))


def plan_server(facts: ServerFacts) -> Plan:
    """Given the network, the proxy's state and the numbers that containers carry, return what concerns all apps."""
    steps: list[Step] = []
    notes: list[str] = []
    if not facts.network:
        why = "it was removed, and without it nothing reaches an app"
        steps.append(MakeNetwork(what=f"make the network {NETWORK} anew", why=why))
    step = _proxy(facts)
    if isinstance(step, MakeProxy | StartProxy) and facts.youngest_lock < FRESH_LOCK:
        state = "is gone" if facts.proxy is None else "does not run"
        notes.append(f"{PROXY_CONTAINER} {state}, and somebody works with Kamal just now")
    elif step is not None:
        steps.append(step)
    if facts.highest_label > facts.highest_number:
        steps.append(
            SkipNumbers(
                what=f"go on numbering deploys after {facts.highest_label}",
                why="containers of before this journal carry numbers up to that",
                above=facts.highest_label,
            )
        )
    return Plan(tuple(steps), tuple(notes))


def _proxy(facts: ServerFacts) -> Step | None:
    why = "no app can be reached without it"
    if facts.proxy is None:
        return MakeProxy(what=f"make {PROXY_CONTAINER} anew", why=f"its container was removed, and {why}")
    if facts.proxy not in RUNS:
        return StartProxy(what=f"start {PROXY_CONTAINER}", why=why)
    if facts.proxy == "running" and not facts.proxy_connected:
        what = f"connect {PROXY_CONTAINER} with the network {NETWORK} again"
        return ConnectProxy(what=what, why="it was disconnected, and reaches no app")
    return None


def plan_app(facts: AppFacts) -> Plan:
    """Given what was seen of an app, return the next round of steps; an empty plan when all is well."""
    if facts.hold is not None:
        return _held(facts, facts.hold)
    broken = [deploy for deploy in facts.open if deploy.id in facts.broken_off]
    if broken:
        return Plan(tuple(step for deploy in broken for step in _broken_off(facts, deploy)))
    found = adoption(facts)
    if isinstance(found, Deploy) and facts.routed is not None:
        return Plan((_finish(facts, found, facts.routed),))
    if isinstance(found, Adopt):
        return Plan((found,))
    said = _Round()
    if isinstance(found, Adoption):
        said.notes.append(found.note)
        if found.leave_alone:
            return said.plan()
    if not facts.removed:
        there = presence(facts)
        said.steps.extend(there.steps)
        said.notes.extend(there.notes)
        said.steps.extend(_reroute(facts))
        said.steps.extend(_strays(facts))
    said.steps.extend(_drains(facts))
    return said.plan()


def _held(facts: AppFacts, hold: Hold) -> Plan:
    if any(deploy.id == hold.deploy and deploy.id not in facts.broken_off for deploy in facts.open):
        return Plan(notes=(f"deploy {hold.deploy} hands {facts.app} over just now",))
    why = "a handover broke off while the proxy held them"
    return Plan((LetGo(what=f"let the held requests of {facts.app} go on", why=why, hold=hold),))


def _finish(facts: AppFacts, deploy: Deploy, serving: Seen) -> Step:
    return FinishSwitched(
        what=f"write down that deploy {deploy.id} of {facts.app} is live",
        why="it broke off after the switch: requests go to its container already",
        deploy=deploy,
        container=serving.id,
        port=facts.routed_port,
    )


def _broken_off(facts: AppFacts, deploy: Deploy) -> Iterator[Step]:
    """Finish a deploy that had switched; any other is taken back, and begun again if that makes sense."""
    routed = facts.routed
    if routed is not None and routed.role == WEB and routed.is_of(deploy) and not facts.removed:
        yield _finish(facts, deploy, routed)
        return
    for container in facts.containers:
        if container.deploy == deploy.id:
            yield RemoveContainer(
                what=f"remove {container.name}",
                why=f"deploy {deploy.id} broke off before it was live",
                container=container.id,
                gently=container.role is None,  # the release command: what it does to a database may be half done
            )
    yield _outcome(facts, deploy)


def _outcome(facts: AppFacts, deploy: Deploy) -> Step:
    what = f"end deploy {deploy.id} of {facts.app}"
    if facts.removed:
        gone = AppNotFound(f"there is no app {facts.app}", hint="deployhost list").to_json()
        why = "the app was removed"
        return EndDeploy(what=what, why=why, deploy=deploy.id, status=DeployStatus.CANCELLED, error=gone)
    if deploy.cancel:
        error = deploy.error or DeployCancelled("cancelled").to_json()
        why = "somebody cancelled it"
        return EndDeploy(what=what, why=why, deploy=deploy.id, status=DeployStatus.CANCELLED, error=error)
    newer = next((other for other in facts.recent if _is_newer(other, deploy)), None)
    if newer is not None:
        why = f"the newer deploy {newer.id} has overtaken it"
        return EndDeploy(what=what, why=why, deploy=deploy.id, status=DeployStatus.SUPERSEDED, by=newer.id)
    if deploy.attempt >= ATTEMPTS:
        failed = DeployFailed(
            f"deployhostd ended {deploy.attempt} times during this deploy", hint=f"deployhost deploy {facts.app}"
        ).to_json()
        why = f"it broke off {deploy.attempt} times"
        return EndDeploy(what=what, why=why, deploy=deploy.id, status=DeployStatus.FAILED, error=failed)
    return BeginAgain(
        what=f"begin deploy {deploy.id} of {facts.app} again", why="it broke off before it was live", deploy=deploy.id
    )


def _is_newer(other: Deploy, deploy: Deploy) -> bool:
    """Given two deploys of an app, return whether the other one makes the interrupted one pointless."""
    going = other.status in (DeployStatus.QUEUED, DeployStatus.RUNNING, DeployStatus.LIVE)
    return other.id > deploy.id and going and overtakes(other.trigger, deploy)


def _reroute(facts: AppFacts) -> Iterator[Step]:
    live, web, route = facts.live, facts.live_container, facts.route
    if live is None or web is None or web.status != "running" or facts.hosts is None:
        return
    what = f"lead {facts.app}'s hosts to {web.name}"
    if route is None:
        yield Reroute(what=what, why="kamal-proxy has lost its route", release=live)
    elif route.state == PAUSED:
        why = "it was restarted while requests were held, and would hold them for ever"
        yield Reroute(what=what, why=f"kamal-proxy: {why}", release=live, anew=True)
    elif not web.is_target_of(route):
        drains = "" if facts.routed is None or facts.routed.deploy is None else facts.routed.id
        yield Reroute(what=what, why=f"its route leads to {route.target}", release=live, drains=drains)
    elif set(route.hosts) != facts.hosts:
        yield Reroute(what=what, why="apps.yml has other hosts now", release=live)
    elif unplugged(web):
        yield Reroute(what=what, why="kamal-proxy may have kept connections to where it was", release=live)


def _strays(facts: AppFacts) -> Iterator[Step]:
    """Containers of our own making that serve nobody, drain for nobody and belong to no deploy under way."""
    if facts.live is None and not facts.known:
        return  # nothing is known of this app: nothing tells a stray from what is in use
    spared = {drain.container for drain in facts.drains} | {one.id for one in facts.crew}
    under_way = {deploy.id for deploy in facts.open}
    for one in facts.containers:
        if one.deploy is None or one.deploy in under_way or one.id in spared or one is facts.routed:
            continue
        if one.role is None or one.status == "created":
            why = "what it was made for has ended" if one.role is None else "it was never started"
            yield RemoveContainer(what=f"remove {one.name}", why=why, container=one.id, gently=one.role is None)
        elif one.status in RUNS and not _still_needed(facts, one):
            yield StopContainer(what=f"stop {one.name}", why="it serves nobody", container=one.id)


def _still_needed(facts: AppFacts, worker: Seen) -> bool:
    """A worker of ours, while what is live is Kamal's and Kamal runs no worker of that role: who stops it decides a person."""
    web = facts.live_container
    if worker.role == WEB or web is None or web.deploy is not None:
        return False
    return not any(one.role == worker.role and one.deploy is None and one.status in RUNS for one in facts.containers)


def _drains(facts: AppFacts) -> Iterator[Step]:
    for drain in facts.drains:
        container = next((one for one in facts.containers if one.id == drain.container), None)
        name = drain.container[:12] if container is None else container.name
        if facts.live is not None and drain.container == facts.live.container:
            yield EndDrain(what=f"keep {name}", why="it serves again", drain=drain, forget=True)
        elif drain.stop_at <= facts.at and (container is None or container is not facts.routed):
            yield EndDrain(what=f"stop {name}", why="it was replaced, and its time to drain is over", drain=drain)
