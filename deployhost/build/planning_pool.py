"""What plans builds for the daemon: processes that read repositories (planning_process.py), kept warm, ended when one takes too long."""

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import deployhost
from deployhost.build.plan import BuildPlan
from deployhost.build.planning_process import from_wire
from deployhost.errors import (
    BuildFailed,
    CommandFailed,
    CommandStopped,
    CommandTimedOut,
    DeployhostError,
    FileProblem,
    InternalError,
    LanguageNotBuilt,
    NothingRecognised,
)
from deployhost.model import MOUNTED_AT, AppName, RuntimeName
from deployhost.system.answering_process import AnsweringProcess
from deployhost.system.stop import Stop

SECONDS = 20.0  # that one plan may take; a usual one takes milliseconds
GRACE = 1.0  # seconds after which a process whose time is up ends by itself, where nobody is left to end it
PATIENCE = 0.05  # seconds that a plan waits for another one's end before a further process is started
AT_ONCE = 4  # processes
KEPT = 1  # of them when there is nothing to do
HINT = "deployhost inspect ./"
_RAISED: dict[str, type[DeployhostError]] = {
    one.code: one for one in (NothingRecognised, LanguageNotBuilt, FileProblem, BuildFailed)
}


class PlanningPool:
    """Plans builds in processes of their own, each within `seconds`; any number of threads may ask."""

    def __init__(self, start: Callable[[], AnsweringProcess] | None = None, seconds: float = SECONDS) -> None:
        self._start = start or start_process
        self._seconds = seconds
        self._changed = threading.Condition()
        self._idle: list[AnsweringProcess] = []
        self._busy = 0

    def warm(self) -> None:
        """Have a process there before somebody waits for it."""
        self._give_back(self._take(Stop()))

    def plan(
        self,
        directory: Path,
        app: AppName,
        *,
        storage: bool | None,
        variables: Mapping[str, str],
        runtime: RuntimeName | None = None,
        web: bool = False,
        stop: Stop | None = None,
    ) -> BuildPlan:
        """Return what would be built from a directory; `storage` is whether the app has it, `variables` are the app's.

        `runtime` and `web` are what apps.yml says, as plan_build takes them. Raises NothingRecognised, LanguageNotBuilt, FileProblem;
        BuildFailed if its files can't be understood in time; CommandStopped if `stop` was set.
        """
        question = {
            "directory": str(directory),
            "app": str(app),
            "storage": storage,
            # No value leaves us: all that matters is whether it names a file there.
            "variables": {str(name): MOUNTED_AT if MOUNTED_AT in value else "" for name, value in variables.items()},
            "runtime": runtime,
            "web": web,
            "seconds": self._seconds + GRACE,
        }
        answer = json.loads(self._ask(json.dumps(question).encode("ascii"), stop or Stop()))
        if "plan" in answer:
            return from_wire(answer["plan"])
        raise _error(answer["error"])

    def end(self) -> None:
        """End the processes that have nothing to do."""
        with self._changed:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def _ask(self, question: bytes, stop: Stop) -> bytes:
        """Return the answer of a process. One that ended is tried once more: it may have ended before it was asked."""
        for last in (False, True):
            process = self._take(stop, new=last)
            kept: AnsweringProcess | None = None
            try:
                answer = process.ask(question, seconds=self._seconds, stop=stop)
                kept = process
                return answer
            except CommandTimedOut as error:
                raise _not_understood("take too long to understand") from error
            except CommandFailed as error:
                if last:
                    raise _not_understood("can't be understood") from error
            finally:
                self._give_back(kept)
        raise AssertionError

    def _take(self, stop: Stop, *, new: bool = False) -> AnsweringProcess:
        """Return a process that has nothing to do, or a new one; the caller gives it back. Raises CommandStopped."""
        with stop.waking(self._wake), self._changed:
            if self._busy:  # most plans are over before another process would be ready
                self._changed.wait_for(lambda: self._idle or stop.is_set(), PATIENCE)
            self._changed.wait_for(lambda: self._idle or self._busy < AT_ONCE or stop.is_set())
            if stop.is_set():
                raise CommandStopped("planning was stopped")
            self._busy += 1
            old = self._idle.pop() if self._idle else None
        if old is not None and not new:
            return old
        try:
            if old is not None:
                old.end()
            return self._start()
        except BaseException:
            self._give_back(None)
            raise

    def _give_back(self, process: AnsweringProcess | None) -> None:
        """Let the next one have a process that is free again, or a place where one is gone (None)."""
        with self._changed:
            self._busy -= 1
            if process is not None and (len(self._idle) < KEPT or self._busy):
                self._idle.append(process)
                process = None
            surplus = self._idle[KEPT:] if not self._busy else []
            del self._idle[len(self._idle) - len(surplus) :]
            self._changed.notify_all()
        for one in (*surplus, *([process] if process else [])):
            one.end()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


def start_process() -> AnsweringProcess:
    """Return a new process that plans: this very Python, with nothing of our environment but where programs are."""
    package = Path(deployhost.__file__).resolve().parent.parent
    code = f"import sys; sys.path.append({str(package)!r}); from deployhost.build.planning_process import main; main()"
    env = {"PATH": os.environ.get("PATH", os.defpath)}
    return AnsweringProcess([sys.executable, "-I", "-X", "utf8", "-c", code], env=env)


def _not_understood(what: str) -> BuildFailed:
    return BuildFailed(
        f"the repository's files {what}",
        hint=HINT,
        details=("a Dockerfile at the root is used as it is: nothing else has to be understood then",),
    )


def _error(body: dict[str, Any]) -> DeployhostError:
    kind = _RAISED.get(body["code"], InternalError)
    return kind(body["message"], hint=body["hint"], details=tuple(body["details"]))
