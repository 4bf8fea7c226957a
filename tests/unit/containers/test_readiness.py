"""Whether a new container is ready, from what was seen of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.containers import readiness
from deployhost.containers.readiness import Probe
from deployhost.model import Listener

OPEN_8080, OPEN_3000, OPEN_5432 = Listener(8080, False), Listener(3000, False), Listener(5432, False)
LOOP_8080, LOOP_3000, INSPECTOR = Listener(8080, True), Listener(3000, True), Listener(9229, False)

# listeners, is the port configured, seconds since it began to listen -> ports to ask (PORT is 8080)
PORTS: dict[str, tuple[set[Listener], bool, float, tuple[int, ...]]] = {
    "nobody": (set(), False, 99, ()),
    "PORT": ({OPEN_8080}, False, 0, (8080,)),
    "PORT and others": ({OPEN_3000, OPEN_8080}, False, 99, (8080,)),
    "another, too early": ({OPEN_3000}, False, 2.5, ()),
    "another": ({OPEN_3000}, False, 3.5, (3000,)),
    "others": ({OPEN_5432, OPEN_3000}, False, 4, (3000, 5432)),
    "another, but PORT is configured": ({OPEN_3000}, True, 99, ()),
    "the one configured": ({OPEN_8080}, True, 0, (8080,)),
    "loopback only": ({LOOP_8080}, False, 99, ()),
    "a debugger": ({INSPECTOR}, False, 99, ()),
    "a debugger and the app": ({INSPECTOR, OPEN_3000}, False, 4, (3000,)),
}


@pytest.mark.parametrize("case", PORTS)
def test_ports_to_try(case: str) -> None:
    listeners, fixed, seconds, ports = PORTS[case]
    assert readiness.ports_to_try(listeners, 8080, last=None, fixed=fixed, seconds_listening=seconds) == ports


@pytest.mark.parametrize(
    ("listeners", "fixed", "ports"),
    [
        ({OPEN_3000, OPEN_5432}, False, (3000,)),
        ({OPEN_3000, OPEN_8080}, False, (8080,)),
        ({OPEN_5432}, False, ()),
        ({OPEN_3000}, True, ()),
    ],
)
def test_the_last_release_tells_the_port(listeners: set[Listener], fixed: bool, ports: tuple[int, ...]) -> None:
    """Its port needs no patience; $PORT still comes first, and another port still has to wait."""
    assert readiness.ports_to_try(listeners, 8080, last=3000, fixed=fixed, seconds_listening=0) == ports


LOOPBACK: dict[str, tuple[set[Listener], float, int | None]] = {
    "nobody": (set(), 99, None),
    "PORT, not yet certain": ({LOOP_8080}, 2.9, None),
    "PORT": ({LOOP_8080}, 3.0, 8080),
    "another, not yet certain": ({LOOP_3000}, 14, None),
    "another": ({LOOP_3000}, 15, 3000),
    "reachable elsewhere": ({LOOP_8080, OPEN_3000}, 99, None),
    "only a debugger": ({Listener(9229, True)}, 99, None),
}


@pytest.mark.parametrize("case", LOOPBACK)
def test_loopback_only(case: str) -> None:
    listeners, seconds, port = LOOPBACK[case]
    assert readiness.loopback_only(listeners, 8080, seconds) == port


def test_paths() -> None:
    assert readiness.paths_to_ask(None) == ("/up", "/")
    assert readiness.paths_to_ask("/health") == ("/health",)


GOOD = {
    ("/up", 200): (True, True),
    ("/up", 302): (True, False),
    ("/up", 401): (True, False),
    ("/up", 404): (False, False),
    ("/up", 500): (False, False),
    ("/", 204): (True, True),
    ("/", 404): (True, False),
    ("/", 503): (False, False),
    ("/", 0): (False, False),
}


@pytest.mark.parametrize(("path", "status"), GOOD)
def test_good(path: str, status: int) -> None:
    probe = Probe(path, status)
    assert (readiness.good(probe, configured=False), readiness.good(probe, configured=True)) == GOOD[path, status]


def test_given_up() -> None:
    assert readiness.given_up([Probe("/", 500)], 8.0)
    assert not readiness.given_up([Probe("/", 500)], 7.9)
    assert not readiness.given_up([Probe("/", 503)], 99), "a 503 says: not yet"
    assert not readiness.given_up([Probe("/", 0)], 99)
    assert not readiness.given_up([], 99)


def test_why() -> None:
    def why(listeners: set[Listener], *probes: Probe) -> str:
        return readiness.why_not_ready(listeners, 8080, probes, 60)

    assert why(set()) == "it did not listen on any port within 60 s (PORT is 8080)"
    assert why({OPEN_3000, OPEN_5432}) == "it listens on port 3000, 5432, not on 8080, within 60 s"
    assert "127.0.0.1:3000 only" in why({LOOP_3000})
    assert "bind 0.0.0.0:8080" in why({LOOP_3000})
    refused = Probe("/up", 0, "refused", "refused")
    assert why({OPEN_8080}, refused, Probe("/", 500)).endswith("GET /up → refused, GET / → 500")
    assert "IPv6" in why({OPEN_8080}, refused)


_listeners = st.frozensets(st.builds(Listener, st.integers(1, 65535), st.booleans()), max_size=6)


@given(_listeners, st.integers(1, 65535), st.booleans(), st.floats(0, 100))
def test_only_reachable_ports_are_asked(
    listeners: frozenset[Listener], wanted: int, fixed: bool, seconds: float
) -> None:
    ports = readiness.ports_to_try(listeners, wanted, last=None, fixed=fixed, seconds_listening=seconds)
    assert {Listener(port, False) for port in ports} <= listeners
    if Listener(wanted, False) in listeners:
        assert ports == (wanted,)
    if ports:
        assert readiness.loopback_only(listeners, wanted, seconds) is None, "what can be asked is not given up"


@given(_listeners, st.integers(1, 65535), st.lists(st.builds(Probe, st.just("/"), st.integers(0, 599)), max_size=2))
def test_there_is_always_a_cause(listeners: frozenset[Listener], wanted: int, probes: list[Probe]) -> None:
    assert readiness.why_not_ready(listeners, wanted, probes, 60)


def test_several_ports_share_the_time_of_one() -> None:
    assert readiness.probe_timeout(60, 1) == 5
    assert readiness.probe_timeout(60, 2) == 2.5
    assert readiness.probe_timeout(60, 12) == 1
    assert readiness.probe_timeout(0.3, 12) == 0.3
    assert readiness.probe_timeout(-1, 1) > 0, "a moment, in any case"
