"""Is the new container ready? Pure: what was seen goes in, a verdict comes out. `boot.py` looks and asks."""

from collections.abc import Collection
from dataclasses import dataclass

from deployhost.model import Listener, NoAnswer

DEFAULT_PATHS = ("/up", "/")

PATIENT = (502, 503, 504)  # statuses that say "not yet" more often than "broken"
LOOPBACK_ON_PORT = 3.0  # seconds after which 127.0.0.1:$PORT alone is the app's final word
LOOPBACK_ELSEWHERE = 15.0
BROKEN = 8.0  # seconds of nothing but 5xx answers after which the app is taken to be broken
OTHER_PORT = 3.0  # seconds to wait for $PORT once the app listens elsewhere: metrics and debuggers come first
PROBE_TIMEOUT = 5.0  # seconds for one answer
LEAST_TIMEOUT = 1.0  # … where several ports are to be asked
NODE_INSPECTOR = 9229  # a debugger's port, listened on before the app's own


@dataclass(frozen=True)
class Probe:
    """One probe: the path and the status that came back, 0 for no answer and then why."""

    path: str
    status: int
    problem: str = ""
    missing: NoAnswer | None = None

    def __str__(self) -> str:
        return f"GET {self.path} → {self.status or self.problem}"


def ports_to_try(
    listeners: Collection[Listener], wanted: int, *, last: int | None, fixed: bool, seconds_listening: float
) -> tuple[int, ...]:
    """Return the ports to ask, best first, by who listens in the container.

    `wanted` is $PORT; with `fixed` (the owner configured it) no other counts. The port on which the app's `last` release
    served is as good. Others are tried once the app has been listening for a while: it may open several, one after the other.
    """
    reachable = sorted({item.port for item in listeners if not item.loopback})
    if wanted in reachable:
        return (wanted,)
    if not fixed and last in reachable:
        return (last,)
    if fixed or seconds_listening < OTHER_PORT:
        return ()
    return tuple(port for port in reachable if port != NODE_INSPECTOR)


def loopback_only(listeners: Collection[Listener], wanted: int, seconds_listening: float) -> int | None:
    """Return the port of an app that can only be reached from inside its container, once that is certain."""
    ports = sorted(item.port for item in listeners if item.loopback and item.port != NODE_INSPECTOR)
    if not ports or any(not item.loopback for item in listeners):
        return None
    if wanted in ports:
        return wanted if seconds_listening >= LOOPBACK_ON_PORT else None
    return ports[0] if seconds_listening >= LOOPBACK_ELSEWHERE else None


def paths_to_ask(configured: str | None) -> tuple[str, ...]:
    """Return the paths to ask, in order; the first good one is enough. `configured` is the app's health path, if it has one."""
    return (configured,) if configured else DEFAULT_PATHS


def probe_timeout(left: float, ports: int) -> float:
    """Return the seconds that one probe may take, of those that are left for all; `ports` is how many are to be asked.

    They are asked in turn, so that those which say nothing must leave time for the one that answers.
    """
    return max(0.05, min(left, max(LEAST_TIMEOUT, PROBE_TIMEOUT / ports)))


def good(probe: Probe, *, configured: bool) -> bool:
    """Return whether a probe proves the app healthy.

    A configured path must answer 2xx. By default anything below 500 does, but a 404 on /up only says that the app has no
    such page: then `/` decides.
    """
    if configured:
        return 200 <= probe.status < 300
    return 0 < probe.status < 500 and not (probe.path == DEFAULT_PATHS[0] and probe.status == 404)


def given_up(probes: Collection[Probe], seconds_unhealthy: float) -> bool:
    """Return whether it is pointless to ask on, by the last round and for how long the app has only answered badly."""
    answered = [probe.status for probe in probes if probe.status]
    return bool(answered) and not any(status in PATIENT for status in answered) and seconds_unhealthy >= BROKEN


def why_not_ready(listeners: Collection[Listener], wanted: int, probes: Collection[Probe], limit: float) -> str:
    """Return in one sentence why the app was not ready when its time was up."""
    if probes:
        refused = all(probe.missing == "refused" for probe in probes)
        cure = f" (if it listens on IPv6 only: bind 0.0.0.0:{wanted})" if refused else ""
        return f"it did not become healthy within {limit:g} s: {', '.join(map(str, probes))}{cure}"
    loopback = sorted(item.port for item in listeners if item.loopback)
    if loopback and not any(not item.loopback for item in listeners):
        return told_loopback(loopback[0], wanted)
    if listeners:
        ports = ", ".join(str(item.port) for item in sorted(listeners))
        return f"it listens on port {ports}, not on {wanted}, within {limit:g} s"
    return f"it did not listen on any port within {limit:g} s (PORT is {wanted})"


def told_loopback(port: int, wanted: int) -> str:
    """Return the cause and the cure for an app that listens on a port inside its container only."""
    return f"it listens on 127.0.0.1:{port} only, which nothing outside its container can reach: bind 0.0.0.0:{wanted} (PORT)"
