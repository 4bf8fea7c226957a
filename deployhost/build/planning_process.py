"""Planning a build in a process of its own: what a hostile repository can freeze or fill is that process, and not the daemon.

It answers planning_pool.py: a request is {directory, app, storage, variables, runtime, web, seconds}, an answer {plan} or {error}, each as
JSON behind its length.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from deployhost.build.data_files import data_warning
from deployhost.build.detect.candidate import Reason, Start
from deployhost.build.directory import DirectoryTree, load_templates
from deployhost.build.dockerfile import BaseRef
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.build.tree import MemoryTree
from deployhost.errors import BuildFailed, DeployhostError, InternalError
from deployhost.model import RuntimeName
from deployhost.system.answering_process import HEADER

MEMORY = 1024**3  # bytes of address space
WORN = 256 * 1024  # KiB that it may once have had and still go on
# What has every template compiled and every library imported before somebody waits for it.
SAMPLES: tuple[Mapping[str, str], ...] = (
    {"main.py": "from flask import Flask\napp = Flask(__name__)\n", "requirements.txt": "flask\n", ".python-version": ">=3.11"},
    {"package.json": '{"scripts": {"start": "node server.js"}}'},
    {"package.json": '{"scripts": {"build": "vite build"}}'},
    {"index.html": ""},
)  # fmt: skip


def plan_directory(
    directory: Path,
    app: str,
    *,
    storage: bool | None,
    variables: Mapping[str, str],
    runtime: RuntimeName | None = None,
    web: bool = False,
    templates: Mapping[str, str] | None = None,
) -> BuildPlan:
    """Return what would be built from a directory, with all of its warnings; `storage` is whether the app has it.

    `runtime` and `web` are what apps.yml says, as plan_build takes them. Raises NothingRecognised, FileProblem.
    """
    tree = DirectoryTree(directory)
    plan = plan_build(tree, app=app, templates=templates or load_templates(), runtime=runtime, web=web)
    data = data_warning(tree, plan, app, has_storage=storage, variables=variables)
    return plan if data is None else replace(plan, warnings=(*plan.warnings, data))


def to_wire(plan: BuildPlan) -> dict[str, Any]:
    """Return a plan as JSON that `from_wire` makes the same plan of."""
    return plan.to_json()


def from_wire(body: Mapping[str, Any]) -> BuildPlan:
    """Return the plan from what `to_wire` returned."""
    values = dict(body)
    values["bases"] = tuple(BaseRef(one["ref"], one["line"]) for one in body["bases"])
    values["syntax"] = BaseRef(**body["syntax"]) if body["syntax"] else None
    values["start"] = Start(tuple(body["start"]["argv"])) if body["start"] else None
    values["reasons"] = tuple(Reason(**one) for one in body["reasons"])
    values["warnings"] = tuple(body["warnings"])
    return BuildPlan(**values)


def main() -> None:
    """Answer requests until nobody asks any more."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what prints something here is not an answer
    _confine()
    templates = load_templates()
    for files in SAMPLES:
        plan_build(MemoryTree(files), templates=templates)
    with contextlib.suppress(BrokenPipeError):  # whoever asked is gone
        _serve(questions, answers, templates)


def _serve(questions: IO[bytes], answers: IO[bytes], templates: Mapping[str, str]) -> None:
    while (request := _next(questions)) is not None:
        # The default action of this signal ends us even where no Python code runs any more, and whoever asked may be gone.
        signal.setitimer(signal.ITIMER_REAL, float(request["seconds"]))
        answer = json.dumps(_answer(request, templates)).encode("ascii")
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(HEADER.pack(len(answer)) + answer)
        answers.flush()
        if _most_memory() > WORN:
            break  # memory that was given out is seldom given back


def _most_memory() -> int:
    """Return the most memory that this process has had, in KiB. getrusage(2) would count in what had forked us."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _confine() -> None:
    """Have the kernel bound us: memory, no core dumps, and the first to go where memory is short."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _next(questions: IO[bytes]) -> dict[str, Any] | None:
    header = questions.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    body: dict[str, Any] = json.loads(questions.read(HEADER.unpack(header)[0]))
    return body


def _answer(request: Mapping[str, Any], templates: Mapping[str, str]) -> dict[str, Any]:
    try:
        plan = plan_directory(
            Path(request["directory"]),
            request["app"],
            storage=request["storage"],
            variables=request["variables"],
            runtime=RuntimeName(request["runtime"]) if request.get("runtime") else None,
            web=bool(request.get("web")),
            templates=templates,
        )
        return {"plan": to_wire(plan)}
    except DeployhostError as error:
        return {"error": error.to_json()}
    except (MemoryError, RecursionError):
        return {"error": BuildFailed("the repository's files need too much memory to be understood").to_json()}
    except Exception as error:  # noqa: BLE001 - a defect costs one plan; it is told, and the traceback is in the daemon's log
        traceback.print_exc()
        return {"error": InternalError(f"a defect of deployhost: {error!r}").to_json()}
