"""Composes the findings: the next round of steps for the server, and for one app. Pure.

A plan is made again after each round, so that a round holds only what can be decided from what was seen. The order matters.

For the server: the network comes first, since kamal-proxy can't start without it; then kamal-proxy, since no app's route can be
read or changed while it is away.

For an app: requests that are held come first, since visitors wait. Then deploys that broke off, since they decide which release
is live and own containers that would look like strays. Then what Kamal did on its own, since everything after it compares with
what is live. Each of these three is a round of its own. Then what is live is brought back before its hosts are led to it, and
its hosts are led to it before anything else is stopped: what still serves until then may be a stray, or drain.
"""

from collections.abc import Iterable

from deployhost.converge.facts import AppFacts, MachineFacts
from deployhost.converge.findings.adoption_plan import adoption
from deployhost.converge.findings.broken_off_plan import broken_off
from deployhost.converge.findings.drains_plan import drains
from deployhost.converge.findings.frozen_plan import frozen
from deployhost.converge.findings.held_plan import held
from deployhost.converge.findings.lost_plan import lost
from deployhost.converge.findings.network_plan import connections, network
from deployhost.converge.findings.numbers_plan import numbers
from deployhost.converge.findings.presence_plan import presence
from deployhost.converge.findings.proxy_plan import proxy
from deployhost.converge.findings.routes_plan import routes
from deployhost.converge.findings.strays_plan import strays
from deployhost.steps import Diagnosis

SERVER = (network, proxy, numbers)
LISTED = (presence, connections, lost, routes, strays)  # of an app that apps.yml has
ALWAYS = (drains,)


def plan_server(facts: MachineFacts) -> Diagnosis:
    """Return what concerns all apps."""
    return _all(find(facts) for find in SERVER) + Diagnosis(remarks=facts.observed)


def plan_app(facts: AppFacts) -> Diagnosis:
    """Return the next round for an app, without a step when all is well."""
    return frozen(facts) + _round(facts)


def _round(facts: AppFacts) -> Diagnosis:
    if facts.hold is not None:
        return held(facts, facts.hold)
    if facts.broken_off:
        return broken_off(facts)
    found = adoption(facts)
    if found is not None:
        return Diagnosis(remarks=(found,)) if isinstance(found, str) else Diagnosis((found,))
    return _all(find(facts) for find in (*(() if facts.removed else LISTED), *ALWAYS))


def _all(found: Iterable[Diagnosis]) -> Diagnosis:
    return sum(found, Diagnosis())
