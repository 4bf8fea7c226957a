"""Replaced containers whose time to drain is over, or that serve again. Pure."""

from collections.abc import Iterator

from deployhost.converge.facts import AppFacts
from deployhost.model import Drain
from deployhost.steps import Diagnosis, Step


class EndDrain(Step):
    """Stop what was replaced, or only (`forget`) strike it off the list."""

    drain: Drain
    forget: bool = False


def drains(facts: AppFacts) -> Diagnosis:
    """Return the steps that end an app's drains."""
    return Diagnosis(tuple(_drains(facts)))


def _drains(facts: AppFacts) -> Iterator[Step]:
    for drain in facts.drains:
        container = next((one for one in facts.containers if one.id == drain.container), None)
        name = drain.container[:12] if container is None else container.name
        if facts.live is not None and drain.container == facts.live.container:
            yield EndDrain(what=f"keep {name}", why="it serves again", drain=drain, forget=True)
        elif drain.stop_at <= facts.at and (container is None or container is not facts.routed):
            yield EndDrain(what=f"stop {name}", why="it was replaced, and its time to drain is over", drain=drain)
