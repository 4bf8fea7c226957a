"""Processes of the live release whose container somebody removed: one restart makes them anew. Pure."""

from deployhost.converge.facts import AppFacts
from deployhost.model import WEB, Deploy, DeployStatus, Release, Trigger
from deployhost.steps import Diagnosis, Finding, Severity, Step

# Seconds: what was made again for that and is removed so soon is reported, and not made again at once.
REMOVED_AGAIN = 60.0


class MakeAgain(Step):
    """Queue a restart of the live release: what was removed of it is made anew."""

    release: Release
    reason: str


def lost(facts: AppFacts) -> Diagnosis:
    """Return what makes a removed container anew. What a person stopped or froze is not replaced for that."""
    live, web = facts.live, facts.live_web
    if live is None or not facts.lost:
        return Diagnosis()
    if web is None:
        # Kamal takes the route away with the container (`kamal app remove`), and who stopped it wanted it away.
        wanted = facts.route is not None and not live.stopped
        return _made_again(facts, live) if wanted else Diagnosis(remarks=(_gone(facts),))
    if not web.runs or any(one.frozen for one in facts.live_containers):
        return Diagnosis()
    return _made_again(facts, live)


def _made_again(facts: AppFacts, live: Release) -> Diagnosis:
    """Return one restart: not another one if that failed, nor as fast as somebody's script removes the container."""
    if facts.open:
        return Diagnosis()  # what is under way makes all of it anew
    by = next((one for one in facts.since_live if one.id == live.deploy), None)
    kamals = not facts.direct or (WEB in facts.lost and (by is None or by.trigger is Trigger.KAMAL))
    reason = f"the container of {_names(facts)} was removed"
    in_vain = any(_came_to_nothing(one, facts.at) for one in facts.since_live if one.reason == reason)
    just_made = by is not None and by.reason == reason and facts.at - live.live_since < REMOVED_AGAIN
    if kamals or in_vain or just_made:
        return Diagnosis(remarks=(_gone(facts),))
    what = f"restart {facts.app}, which makes {_names(facts)} anew"
    return Diagnosis((MakeAgain(what=what, why=reason, release=live, reason=reason),))


def _came_to_nothing(asked: Deploy, now: float) -> bool:
    """Return whether a restart that was queued for the same removal shows that another one must not be."""
    if asked.status is DeployStatus.CANCELLED:
        return now - (asked.finished_at or 0.0) < REMOVED_AGAIN  # who cancels it does not get the next one in a moment
    return asked.status is DeployStatus.FAILED


def _gone(facts: AppFacts) -> Finding:
    of = facts.app if WEB in facts.lost else f"{_names(facts)} of {facts.app}"
    return Finding(Severity.ERROR, f"the container of {of} is gone", fix=f"deployhost restart {facts.app}")


def _names(facts: AppFacts) -> str:
    return " and ".join(f"the process {name}" for name in facts.lost)
