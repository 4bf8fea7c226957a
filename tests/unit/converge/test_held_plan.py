"""Requests that the proxy holds, and that nobody will let go."""

from dataclasses import replace

from deployhost.converge.findings.held_plan import LetGo, held
from deployhost.model import DeployStatus, Hold, Trigger
from tests.unit.converge.seen import FACTS, SHOP, deploy

HOLD = Hold(SHOP, 6, "proxy", ("web",), 0.0)
RUNNING = deploy(6, DeployStatus.RUNNING, Trigger.PUSH)


def test_a_handover_that_is_under_way() -> None:
    found = held(replace(FACTS, hold=HOLD, open=(RUNNING,)), HOLD)
    assert (found.steps, found.notes) == ((), ("deploy 6 hands shop over just now",))


def test_a_handover_that_broke_off() -> None:
    broken = replace(FACTS, hold=HOLD, open=(RUNNING,), broken_off=frozenset({6}))
    for facts in (broken, replace(FACTS, hold=HOLD)):
        [step] = held(facts, HOLD)
        assert isinstance(step, LetGo)
        assert step.hold == HOLD
