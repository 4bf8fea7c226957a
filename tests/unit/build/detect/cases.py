"""Trees as they are found in the wild, and what must be true of the plan of each."""

import json
from dataclasses import dataclass, field

from deployhost.build.directory import load_templates
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.build.tree import MemoryTree

TEMPLATES = load_templates()
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "import os\nfrom fastapi import FastAPI\n\napp: FastAPI = FastAPI()\n"
UVICORN = "--host 0.0.0.0 --port ${PORT:-8080}"


def planned(files: dict[str, str], app: str = "shop") -> BuildPlan:
    return plan_build(MemoryTree(files), templates=TEMPLATES, app=app)


def package(**keys: object) -> str:
    return json.dumps(keys)


@dataclass(frozen=True)
class Case:
    """A tree and what must be true of its plan."""

    name: str
    files: dict[str, str]
    runtime: str
    start: str
    version: str | None = None
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    warns: str = ""
    bases: tuple[str, ...] = field(default=())


def check(case: Case) -> None:
    """Assert what a case says of the plan of its tree."""
    plan = planned(case.files)
    text = plan.dockerfile or ""
    assert plan.kind == "generated"
    assert plan.runtime == case.runtime
    assert case.start in str(plan.start)
    assert plan.version == (case.version or plan.version)
    assert plan.refs == (case.bases or plan.refs)
    assert [one for one in case.holds if one not in text] == []
    assert [one for one in case.lacks if one in text] == []
    assert not case.warns or any(case.warns in one for one in plan.warnings)
    assert plan.reasons
