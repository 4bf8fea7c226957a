"""kamal-proxy's container that is gone, does not run, is frozen or can reach no app. Pure."""

from deployhost.converge.facts import MachineFacts
from deployhost.kamal.contract import NETWORK, PROXY_CONTAINER
from deployhost.steps import Diagnosis, Finding, Severity, Step

FRESH_LOCK = 120.0  # seconds for which somebody's Kamal may be at the proxy itself (`kamal proxy reboot`)
WHY = "no app can be reached without it"
FROZEN = Finding(
    severity=Severity.ERROR,
    what=f"{PROXY_CONTAINER} is frozen (docker pause)",
    why="no app can be reached until it goes on",
    fix=f"docker unpause {PROXY_CONTAINER}",
)


class StartStoppedProxy(Step, word="StartProxy"):
    """Start kamal-proxy's container."""


class MakeProxy(Step):
    """Make a container of kamal-proxy anew, as set-up makes it."""


class ConnectProxy(Step):
    """Connect kamal-proxy with Kamal's network."""


AWAY = (StartStoppedProxy, MakeProxy)  # until these are done the proxy does not answer


def proxy(facts: MachineFacts) -> Diagnosis:
    """Return what brings kamal-proxy back. While somebody works with Kamal, that may be what stopped it."""
    if facts.proxy == "paused":
        return Diagnosis(remarks=(FROZEN,))
    if facts.proxy == "running" and not facts.proxy_connected:
        what = f"connect {PROXY_CONTAINER} with the network {NETWORK} again"
        return Diagnosis((ConnectProxy(what=what, why="it was disconnected, and reaches no app"),))
    if facts.proxy in ("running", "restarting", "removing"):
        return Diagnosis()
    if facts.youngest_lock < FRESH_LOCK:
        state = "is gone" if facts.proxy is None else "does not run"
        return Diagnosis(remarks=(f"{PROXY_CONTAINER} {state}, and somebody works with Kamal just now",))
    if facts.proxy is None:
        return Diagnosis((MakeProxy(what=f"make {PROXY_CONTAINER} anew", why=f"its container was removed, and {WHY}"),))
    return Diagnosis((StartStoppedProxy(what=f"start {PROXY_CONTAINER}", why=WHY),))
