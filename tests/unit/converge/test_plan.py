"""In which order the findings are asked: each that comes first is what the next ones depend on."""

from dataclasses import replace

import pytest

from deployhost.converge.facts import AppFacts
from deployhost.converge.plan import plan_app, plan_server
from deployhost.model import DeployStatus, Drain, Hold, Trigger, Version
from deployhost.steps import Finding, Severity
from tests.fakes.assembled import sha
from tests.unit.converge.seen import ALL_THERE, FACTS, LIVE, MACHINE, ROUTE, SHOP, WEB_SEEN, deploy, seen

OLD = seen("web", deploy=4)
BROKEN = replace(deploy(6, DeployStatus.RUNNING, Trigger.PUSH), version=Version(sha(2)))


def words(facts: AppFacts) -> list[str]:
    return [step.word for step in plan_app(facts)]


def test_all_is_well() -> None:
    assert not plan_app(FACTS)
    assert plan_app(FACTS).notes == ()
    assert not plan_server(MACHINE)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hold": Hold(SHOP, 6, "", (), 0.0)}, ["LetGo"]),
        ({}, ["RemoveContainer", "BeginAgain"]),
        ({"open": (), "broken_off": frozenset()}, ["Adopt"]),
    ],
)
def test_held_then_broken_off_then_adopted(change: dict[str, object], expected: list[str]) -> None:
    """Each is a round of its own: what comes after it looks different then."""
    kamals = seen("web", deploy=None)
    facts = replace(
        FACTS,
        open=(BROKEN,),
        broken_off=frozenset({6}),
        route=replace(ROUTE, target=f"{kamals.id[:12]}:80"),
        live=replace(LIVE, container=OLD.id, deploy=4),
        containers=(kamals, OLD, seen("worker", deploy=6)),
    )
    assert words(replace(facts, **change)) == expected  # type: ignore[arg-type]


def test_brought_back_then_routed_then_the_rest_stopped() -> None:
    """What still serves may be a stray, or drain: it is stopped only after the hosts lead to what is live."""
    unplugged = seen("web", workers=("mailer", "worker", "gone"), connected=False)
    facts = replace(
        FACTS,
        containers=(unplugged, seen("mailer"), seen("worker", status="exited"), OLD, seen("web", deploy=3)),
        drains=(Drain(OLD.id, SHOP, 0.0),),
        route=None,
    )
    expected = ["StartContainer", "Connect", "MakeAgain", "Reroute", "StopContainer", "EndDrain"]
    assert words(facts) == expected


def test_an_app_that_apps_yml_has_lost_keeps_what_it_has() -> None:
    facts = replace(FACTS, removed=True, hosts=None, drains=(Drain(OLD.id, SHOP, 0.0),), containers=(*ALL_THERE, OLD))
    assert words(facts) == [], "it serves, and is left alone"
    assert words(replace(facts, route=None)) == ["EndDrain"]


def test_frozen_is_reported_beside_whatever_is_done() -> None:
    frozen = replace(FACTS, hold=Hold(SHOP, 6, "", (), 0.0), containers=(seen("web", status="paused"),))
    assert words(frozen) == ["LetGo"]
    assert [found.fix for found in plan_app(frozen).findings] == [f"docker unpause {WEB_SEEN.name}"]


def test_the_network_then_the_proxy_then_the_numbers() -> None:
    facts = replace(MACHINE, network=False, proxy=None, highest_label=9)
    assert [step.word for step in plan_server(facts)] == ["MakeNetwork", "MakeProxy", "SkipNumbers"]


def test_what_no_step_depends_on() -> None:
    """What is only reported needs nothing but its own plan file, and to be read."""
    smoke = Finding(Severity.ERROR, "it smokes", "it is too warm", "halt")
    assert plan_server(replace(MACHINE, observed=(smoke,))).notes == ("it smokes; it is too warm: halt",)
