"""Routes that were lost, lead elsewhere, hold requests for ever or have other hosts than apps.yml. Pure."""

from deployhost.converge.facts import AppContainer, AppFacts
from deployhost.kamal.contract import PAUSED
from deployhost.model import Release
from deployhost.steps import Diagnosis, Step


class Reroute(Step):
    """Lead the app's hosts to its live container; `anew` is whether the old route has to go first."""

    release: Release
    anew: bool = False
    drains: str = ""  # the container of ours that the route leads to until then


def routes(facts: AppFacts) -> Diagnosis:
    """Return the step that leads an app's hosts to what is live, if that runs and they do not lead there."""
    live, web = facts.live, facts.live_web
    if live is None or web is None or web.status != "running" or facts.hosts is None:
        return Diagnosis()
    step = _reroute(facts, facts.hosts, live, web)
    return Diagnosis() if step is None else Diagnosis((step,))


def _reroute(facts: AppFacts, hosts: frozenset[str], live: Release, web: AppContainer) -> Step | None:
    route, what = facts.route, f"lead {facts.app}'s hosts to {web.name}"
    if route is None:
        return Reroute(what=what, why="kamal-proxy has lost its route", release=live)
    if route.state == PAUSED:
        why = "it was restarted while requests were held, and would hold them for ever"
        return Reroute(what=what, why=f"kamal-proxy: {why}", release=live, anew=True)
    if not route.leads_to(web.id):
        drains = "" if facts.routed is None or facts.routed.deploy is None else facts.routed.id
        return Reroute(what=what, why=f"its route leads to {route.target}", release=live, drains=drains)
    if set(route.hosts) != hosts:
        return Reroute(what=what, why="apps.yml has other hosts now", release=live)
    if web.unplugged:
        return Reroute(what=what, why="kamal-proxy may have kept connections to where it was", release=live)
    return None
