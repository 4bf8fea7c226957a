"""Whether what is live runs: what ended with the engine or the machine is started, what a person stopped stays stopped. Pure."""

from collections.abc import Collection

from deployhost.converge.facts import AppContainer, AppFacts
from deployhost.model import Release
from deployhost.steps import Diagnosis, Step


class StartContainer(Step):
    """Start a container of the live release."""

    container: str


class NoteStopped(Step):
    """Write down that a person stopped the live release, or ("") that it runs again."""

    release: Release
    by: str


def presence(facts: AppFacts) -> Diagnosis:
    """Return what starts the live release again. Most things the engine itself starts again: this is for the rest."""
    live, web = facts.live, facts.live_web
    if live is None or web is None:
        return Diagnosis()
    if not web.ended:
        again = NoteStopped(what=f"note that {facts.app} runs again", why="it does", release=live, by="")
        noted = (again,) if live.stopped and web.runs else ()
        return Diagnosis((*noted, *_starts(facts, but=facts.by_hand)))
    by = live.stopped or _stopped_by(facts, web)
    if not by:
        return Diagnosis(_starts(facts))
    note = f"{facts.app} was stopped {by}; it stays so until it is started or deployed again"
    if live.stopped:
        return Diagnosis(remarks=(note,))
    step = NoteStopped(what=f"note that {facts.app} is stopped", why=f"it was stopped {by}", release=live, by=by)
    return Diagnosis((step,), (note,))


def _stopped_by(facts: AppFacts, web: AppContainer) -> str:
    """Return who stopped the live web container, which has ended, or nothing if nobody did.

    The engine itself starts it again however it ends (`unless-stopped`), except when a person stopped it, and when it died
    together with it. `kamal app stop` takes the route away as well; a crash never does.
    """
    if web.id in facts.by_hand:
        return "with Docker" if facts.route is not None else "by Kamal"
    return "by Kamal" if facts.route is None and web.id not in facts.engine_failed else ""


def _starts(facts: AppFacts, *, but: Collection[str] = ()) -> tuple[Step, ...]:
    why = "it is part of what is live, and nobody stopped it: it ended with the engine or the machine"
    return tuple(
        StartContainer(what=f"start {one.name} again", why=why, container=one.id)
        for one in facts.live_containers
        if one.ended and one.id not in but
    )
