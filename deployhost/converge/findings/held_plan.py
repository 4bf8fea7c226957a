"""Requests that the proxy holds, and that nobody will let go: a handover broke off. Pure."""

from deployhost.converge.facts import AppFacts
from deployhost.model import Hold
from deployhost.steps import Diagnosis, Step


class LetGo(Step):
    """Have the requests answered that the proxy holds."""

    hold: Hold


def held(facts: AppFacts, hold: Hold) -> Diagnosis:
    """Return what lets an app's requests go on, unless the handover is under way."""
    if any(deploy.id == hold.deploy and deploy.id not in facts.broken_off for deploy in facts.open):
        return Diagnosis(remarks=(f"deploy {hold.deploy} hands {facts.app} over just now",))
    why = "a handover broke off while the proxy held them"
    return Diagnosis((LetGo(what=f"let the held requests of {facts.app} go on", why=why, hold=hold),))
