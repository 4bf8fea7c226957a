"""Whether what is live is there, runs and can be reached: what ended, was removed or was unplugged, and what a person stopped. Pure."""

from deployhost.converge.facts import AppFacts, Seen
from deployhost.converge.steps import Connect, MakeAgain, NoteStopped, StartContainer
from deployhost.kamal import contract
from deployhost.model import WEB, Deploy, DeployStatus, ProcessName, Release, Trigger
from deployhost.steps import Plan, Step

RUNS = ("running", "restarting", "paused", "removing")  # the engine sees to these itself
REMOVED_AGAIN = 60.0  # seconds: what was made again for that and is removed so soon is told, and not made again at once


def presence(facts: AppFacts) -> Plan:
    """Given what was seen of an app, return the steps that bring what is live back; what a person stopped stays so.

    The engine itself starts most things again: this is for what it does not (as after `kamal app stop`).
    """
    live, web = facts.live, facts.live_container
    if live is None:
        return Plan()
    if web is None:
        # Kamal takes the route away with the container (`kamal app remove`), and who stopped it wanted it away.
        wanted = facts.route is not None and not live.stopped
        return _made_again(facts, live) if wanted else Plan(notes=(_gone(facts),))
    if web.status in RUNS:
        return _running(facts, live)
    by = live.stopped or _stopped_by(facts, web)
    if not by:
        return Plan(tuple(_start(one) for one in _ended(facts)))
    note = f"{facts.app} was stopped {by}; it stays so until it is started or deployed again"
    if live.stopped:
        return Plan(notes=(note,))
    why = f"it was stopped {by}"
    return Plan((NoteStopped(what=f"note that {facts.app} is stopped", why=why, release=live, by=by),), (note,))


def unplugged(container: Seen) -> bool:
    """Given a container, return whether it runs, and is on Kamal's network no more. Kamal's own may be on another instead."""
    ought = container.deploy is not None or container.alone
    return ought and container.status == "running" and not container.connected


def _running(facts: AppFacts, live: Release) -> Plan:
    steps: list[Step] = []
    if live.stopped:
        steps.append(NoteStopped(what=f"note that {facts.app} runs again", why="it does", release=live, by=""))
    steps += [_start(one) for one in _ended(facts) if one.id not in facts.by_hand]
    steps += [_connect(facts, one) for one in facts.crew if unplugged(one)]
    again = _made_again(facts, live) if facts.lost else Plan()
    return Plan((*steps, *again.steps), again.notes)


def _made_again(facts: AppFacts, live: Release) -> Plan:
    """Have what was removed made again by one restart: not by another one if that failed, nor as fast as somebody's script removes it."""
    if facts.open:
        return Plan()  # what is under way makes all of it anew
    by = next((one for one in facts.since_live if one.id == live.deploy), None)
    kamals = not facts.direct or (WEB in facts.lost and (by is None or by.trigger is Trigger.KAMAL))
    reason = f"the container of {_names(facts)} was removed"
    in_vain = any(_came_to_nothing(one, facts.at) for one in facts.since_live if one.reason == reason)
    just_made = by is not None and by.reason == reason and facts.at - live.live_since < REMOVED_AGAIN
    if kamals or in_vain or just_made:
        return Plan(notes=(_gone(facts),))
    what = f"restart {facts.app}, which makes {_names(facts)} anew"
    return Plan((MakeAgain(what=what, why=reason, release=live, reason=reason),))


def _came_to_nothing(asked: Deploy, now: float) -> bool:
    """Given a restart that was asked for because of the same removal, return whether it shows that another one is not to be."""
    if asked.status is DeployStatus.CANCELLED:
        return now - (asked.finished_at or 0.0) < REMOVED_AGAIN  # who cancels it does not get the next one in a moment
    return asked.status is DeployStatus.FAILED


def _gone(facts: AppFacts) -> str:
    of = facts.app if WEB in facts.lost else f"{_names(facts)} of {facts.app}"
    return f"the container of {of} is gone: deployhost restart {facts.app}"


def _names(facts: AppFacts) -> str:
    return " and ".join(f"the process {name}" for name in facts.lost)


def _stopped_by(facts: AppFacts, web: Seen) -> str:
    """Given the live web container, which has ended, return who stopped it, or nothing if nobody did.

    The engine itself starts it again however it ends (`unless-stopped`), except when a person stopped it, and when it died
    together with it. `kamal app stop` takes the route away as well; a crash never does.
    """
    if web.id in facts.by_hand:
        return "with Docker" if facts.route is not None else "by Kamal"
    return "by Kamal" if facts.route is None and web.id not in facts.engine_failed else ""


def _ended(facts: AppFacts) -> list[Seen]:
    return [one for one in facts.crew if one.status not in RUNS]


def _start(container: Seen) -> Step:
    return StartContainer(
        what=f"start {container.name} again",
        why="it is part of what is live, and nobody stopped it: it ended with the engine or the machine",
        container=container.id,
    )


def _connect(facts: AppFacts, container: Seen) -> Step:
    return Connect(
        what=f"connect {container.name} with the network {contract.NETWORK} again",
        why="it was disconnected, and nobody reaches it",
        container=container.id,
        aliases=contract.aliases(facts.app, ProcessName(container.role or WEB)),
    )
