"""Steps and findings as --json prints them, and the tables by which steps are carried out."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast, get_type_hints

import pytest

from deployhost.apps import remove_plan
from deployhost.apps.remove import Remover
from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.server import steps, steps_kamal, steps_tunnel
from deployhost.server.act import SetupActor
from deployhost.server.act_tunnel import TunnelActor
from deployhost.server.facts import WantedServer
from deployhost.server.uninstall import Uninstall
from deployhost.steps import Acts, Diagnosis, Finding, Plan, Severity, Step, apply, carry_out, sentence
from deployhost.system.docker import Docker
from deployhost.system.services import Services


class Plain(Step):
    pass


class RenamedSince(Step, word="Original"):
    path: str


def test_a_step_keeps_its_word_when_its_class_is_renamed() -> None:
    assert Plain(what="do", why="because").to_json() == {"step": "Plain", "what": "do", "why": "because"}
    assert RenamedSince(what="do", why="because", path="/x").to_json()["step"] == "Original"


def test_a_finding_has_its_cause_and_its_cure() -> None:
    found = Finding(Severity.WARNING, "the disk is nearly full", "builds are refused soon", "deployhost prune")
    assert found.to_json() == {
        "severity": "warning",
        "what": "the disk is nearly full",
        "why": "builds are refused soon",
        "fix": "deployhost prune",
    }


@dataclass
class Told:
    """A recorder that keeps what it was told."""

    lines: list[str]

    def started(self, step: Step) -> None:
        self.lines.append(f"started {step.what}")

    def done(self, step: Step, said: str) -> None:
        self.lines.append(f"done {step.what} {said}".rstrip())

    def failed(self, step: Step, error: Exception) -> None:
        self.lines.append(f"failed {step.what}: {error}")


def test_a_plan_is_carried_out_by_its_table_and_the_first_error_ends_it() -> None:
    def fails(_step: RenamedSince) -> str:
        raise ValueError("no disk")

    told = Told([])
    acts: Acts = {Plain: lambda step: f"by {step.why}" if step.why else None, RenamedSince: fails}
    plan = Plan((Plain(what="one", why="w"), Plain(what="two", why=""), RenamedSince(what="three", why="", path="")))
    with pytest.raises(ValueError, match="no disk"):
        apply(Plan((*plan, Plain(what="four", why=""))), acts, told)
    assert told.lines == [
        "started one",
        "done one by w",
        "started two",
        "done two",
        "started three",
        "failed three: no disk",
    ]


def test_a_step_without_a_row_is_a_defect() -> None:
    with pytest.raises(TypeError, match="no row of the table carries out Plain"):
        carry_out(Plain(what="do", why="because"), {})


def types_of(*modules: ModuleType) -> set[type[Step]]:
    """Return the types of step that modules define."""
    return {
        one
        for module in modules
        for one in vars(module).values()
        if inspect.isclass(one) and issubclass(one, Step) and one.__module__ == module.__name__
    }


def tables() -> dict[str, tuple[set[type[Step]], list[Acts]]]:
    """Return by room the types of step that it has, and its tables."""
    paths, docker, services = Paths(Path("/nowhere")), cast("Docker", None), cast("Services", None)
    wanted = WantedServer(paths=paths, http_port=80, version="", prefix="", daemon_definition="", engine_definition="")
    set_up = SetupActor(wanted=wanted, docker=docker, services=services, log=print).acts
    uninstall = Uninstall(paths, docker, services, print).acts
    tunnel = TunnelActor(paths=paths, services=services, log=print).acts
    removal = object.__new__(Remover).acts(AppName("shop"))
    return {
        "server": (types_of(steps, steps_kamal, steps_tunnel), [set_up, uninstall, tunnel]),
        "apps": (types_of(remove_plan), [removal]),
    }


@pytest.mark.parametrize("room", ["server", "apps"])
def test_every_type_of_step_has_one_row_that_takes_it(room: str) -> None:
    """What `assert_never` would hold if it were one `match`; a row's function takes the type that it stands for."""
    types, acts = tables()[room]
    rows = [(kind, act) for table in acts for kind, act in table.items()]
    assert {kind for kind, _ in rows} == types
    assert len(rows) == len(types)
    for kind, act in rows:
        taken = [hint for name, hint in get_type_hints(act).items() if name != "return"]
        assert taken in ([], [kind]), kind.__name__


GONE = Finding(Severity.ERROR, "it is gone", fix="fetch it")
STEP = Step(what="do", why="it is time")


def test_remarks_keep_their_order() -> None:
    found = Diagnosis((STEP,), ("it is as you wanted",)) + Diagnosis(remarks=(GONE,))
    assert found.notes == ("it is as you wanted", "it is gone: fetch it")
    assert found.findings == (GONE,)
    assert list(found) == [STEP]
    assert found.plan == Plan((STEP,), found.notes)


def test_there_is_something_to_do_only_with_a_step() -> None:
    assert Diagnosis((STEP,))
    assert not Diagnosis(remarks=(GONE,))


def test_sentence() -> None:
    assert sentence(GONE) == "it is gone: fetch it"
    assert sentence(Finding(Severity.WARNING, "what", "why")) == "what; why"
    assert sentence(Finding(Severity.WARNING, "what", "why", "fix")) == "what; why: fix"
