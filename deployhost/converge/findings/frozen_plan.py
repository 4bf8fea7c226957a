"""Containers that somebody froze (`docker pause`): they are reported, and left as they are. Pure.

Whoever froze one meant to, so nothing here unfreezes it. A deploy that replaces it does: on `stop` and on a forced `remove` the
engine sends the signal and then lets the container go on (moby 20.10 and later, daemon/kill.go), so that neither hangs.
"""

from collections.abc import Iterator

from deployhost.converge.facts import AppContainer, AppFacts
from deployhost.model import WEB
from deployhost.steps import Diagnosis, Finding, Severity


def frozen(facts: AppFacts) -> Diagnosis:
    """Return a finding for each frozen container of an app that apps.yml has."""
    return Diagnosis() if facts.removed else Diagnosis(remarks=tuple(_frozen(facts)))


def _frozen(facts: AppFacts) -> Iterator[Finding]:
    live = [one.id for one in facts.live_containers]
    for one in facts.containers:
        if one.frozen:
            yield Finding(
                severity=Severity.ERROR if one.id in live else Severity.WARNING,
                what=f"{one.name} is frozen (docker pause)",
                why=_consequence(facts, one) if one.id in live else "it is left as it is until it goes on",
                fix=f"docker unpause {one.name}",
            )


def _consequence(facts: AppFacts, container: AppContainer) -> str:
    if container.role == WEB:
        return f"{facts.app} answers no request until it goes on"
    return f"the process {container.role} of {facts.app} does nothing until it goes on"
