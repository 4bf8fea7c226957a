"""Bringing journal, Docker and the proxy together: at start, every few seconds, and after Kamal was used. Safe to run twice.

`plan` decides. Each app's steps are carried out under its lock, after its facts were read again: what was seen without it may
have been a deploy's switch. An app whose lock somebody else holds is left alone.
"""

import logging
import threading
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from deployhost.converge.act import AppActor
from deployhost.converge.act_server import ServerActor
from deployhost.converge.facts import AppFacts
from deployhost.converge.findings.adoption_plan import adoption
from deployhost.converge.findings.drains_plan import EndDrain
from deployhost.converge.findings.proxy_plan import AWAY, FROZEN
from deployhost.converge.findings.repository_plan import repositories
from deployhost.converge.findings.strays_plan import StopContainer
from deployhost.converge.plan import plan_app, plan_server
from deployhost.converge.read import FactsReader
from deployhost.deploy.going_live import Unrecorded
from deployhost.errors import Conflict, DeployhostError, InternalError, SwitchFailed
from deployhost.journal.deploys import Deploys
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import AppName, Deploy, DeployStatus, Version
from deployhost.steps import Diagnosis, Finding, Plan, Severity, Step, sentence
from deployhost.system.clock import Clock
from deployhost.system.side_by_side import side_by_side

NO_VERSION = Version("0" * 40)  # its lock has no version to name; Kamal only shows it
ROUNDS = 6  # what takes more rounds than that goes in circles; the next run is not far
APPS_AT_ONCE = 4
UNHURRIED = (StopContainer, EndDrain)  # nobody waits for these: they come after the queue has been opened
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Converge:
    """Puts right what is not as it should be, and remembers what only a person can."""

    reader: FactsReader
    actor: AppActor
    server_actor: ServerActor
    proxy: KamalProxy
    deploys: Deploys
    locks: KamalLocks
    clock: Clock
    _one: threading.Lock = field(default_factory=threading.Lock, init=False)
    # What the last run did and found:
    _server: Diagnosis = field(default=Diagnosis(), init=False)
    _repositories: Diagnosis = field(default=Diagnosis(), init=False)
    _apps: dict[AppName, Diagnosis] = field(default_factory=dict, init=False)
    _left_alone: dict[AppName, str] = field(default_factory=dict, init=False)
    _troubled: set[AppName] = field(default_factory=set, init=False)  # each trouble is logged once

    def run(self, only: AppName | None = None, *, hurry: bool = False) -> Plan:
        """Put everything right, or the app that is named, and return what was done; the notes say what could not be.

        With `hurry` the stops for which nobody waits are left for the next run. Raise DockerUnavailable or SwitchFailed while
        the engine or the proxy does not answer, FileProblem while the journal can't be read: then try again later.
        """
        with self._one:
            self.locks.release_left()
            self._see_to_server()
            done = self._server
            if only is None:
                self._see_to_repositories()
                done += self._repositories
            found: dict[AppName, Diagnosis] = {}

            def failed(app: AppName, error: Exception) -> None:
                found[app] = Diagnosis(remarks=(self._trouble(app, error),))

            apps = self.reader.apps(only, failed=failed)
            found |= self._all(list(apps.values()), hurry=hurry)
            self._apps = found if only is None else self._apps | found
            for app in found:
                done += found[app]
                self._left_alone[app] = _left_alone(apps.get(app))
            return done.plan

    def plan(self, only: AppName | None = None) -> Plan:
        """Return what `run` would do first; what follows from that is only seen then. Raise what `run` raises."""
        found = plan_server(self.reader.server())
        if FROZEN in found.findings or any(isinstance(step, AWAY) for step in found):
            return (found + Diagnosis(remarks=("the apps' routes are looked at once kamal-proxy answers",))).plan
        remarks: list[Finding] = []
        apps = self.reader.apps(only, failed=lambda app, error: remarks.append(_broken(app, error)))
        for app, facts in apps.items():
            try:
                found += plan_app(facts)
            except Exception as error:  # noqa: BLE001 - one app's trouble is its own
                remarks.append(_broken(app, error))
        found += Diagnosis(remarks=tuple(remarks))
        if only is None:
            found += repositories(self.reader.repositories())
        return found.plan

    def mend(self, deploy: Deploy) -> None:
        """Finish or requeue a deploy that nobody works on any more, if the journal has it as running.

        Raise Conflict while the app is somebody else's, and what `run` raises.
        """
        if self.deploys.get(deploy.id).status is DeployStatus.RUNNING:
            with self._one, self._held(deploy.app):
                self._rounds(deploy.app, hurry=True, broken_off=[deploy.id])

    def notes(self, app: AppName) -> tuple[str, ...]:
        """Return what the last run had to say of an app beside what it did."""
        return self._apps.get(app, Diagnosis()).notes

    def left_alone(self, app: AppName) -> str:
        """Return why the last run left what serves an app as it is, or nothing if it did not."""
        return self._left_alone.get(app, "")

    def findings(self) -> tuple[Finding, ...]:
        """Return what the last run found wrong and could not put right, the server's first."""
        apps = (one for _, diagnosis in sorted(self._apps.items()) for one in diagnosis.findings)
        return (*self._server.findings, *self._repositories.findings, *apps)

    def warnings(self) -> tuple[str, ...]:
        """Return what the last run found wrong with the server, apart from its apps and what it failed with, as sentences."""
        server = (sentence(one) for one in self._server.findings if one != FROZEN)
        return (*server, *self._repositories.notes)

    def _see_to_server(self) -> None:
        """Do what concerns all apps. Raise SwitchFailed if kamal-proxy is frozen: nothing can be asked of it then."""
        found = plan_server(self.reader.server())
        for one in found.findings:
            if one not in self._server.findings:
                log.warning("%s", sentence(one))
        self._server = found
        for step in found:
            self.server_actor.act(step)
        if FROZEN in found.findings:
            raise SwitchFailed(f"{FROZEN.what}; {FROZEN.why}", hint=FROZEN.fix)

    def _see_to_repositories(self) -> None:
        """Delete the repositories that are nobody's. What fails is reported: the apps are not concerned."""
        done: list[Step] = []
        try:
            plan = repositories(self.reader.repositories())
            remarks = list(plan.remarks)
        except Exception as error:  # noqa: BLE001 - the apps are not concerned
            plan, remarks = Diagnosis(), [f"repositories without an app can't be seen to: {_said(error)}"]
        for step in plan:
            try:
                if not self.server_actor.act(step):
                    done.append(step)
            except Exception as error:  # noqa: BLE001 - the other repositories are not concerned
                remarks.append(f"{step.what}: {_said(error)}")
        found = Diagnosis(tuple(done), tuple(remarks))
        for note in found.notes:
            if note not in self._repositories.notes:
                log.warning("%s", note)
        self._repositories = found

    def _all(self, apps: list[AppFacts], *, hurry: bool) -> dict[AppName, Diagnosis]:
        """Do what the facts of the apps ask for: side by side, since requests may be held of several."""
        needy = [facts for facts in apps if _is_needy(facts)]
        done = {facts.app: self._app(facts, hurry=hurry) for facts in apps if facts not in needy}
        found = side_by_side(lambda facts: self._app(facts, hurry=hurry), needy, at_once=APPS_AT_ONCE)
        return done | {facts.app: result for facts, result in zip(needy, found, strict=True)}

    def _app(self, facts: AppFacts, *, hurry: bool) -> Diagnosis:
        """Do what the facts of an app ask for, and return that. What fails is reported; the other apps are not concerned."""
        plan = Diagnosis()
        try:
            plan = plan_app(facts)
            if not any(_now(step, hurry=hurry) for step in plan):
                self._troubled.discard(facts.app)
                return Diagnosis(remarks=plan.remarks)
            with self._held(facts.app):
                return self._rounds(facts.app, hurry=hurry)
        except Exception as error:  # noqa: BLE001 - one app's trouble is its own
            if isinstance(error, Conflict) and facts.app not in self.locks.foreign():
                return Diagnosis(remarks=plan.remarks)  # a deploy of ours is at it
            if isinstance(error, DeployhostError | Unrecorded):
                self.proxy.routes()  # an engine or a proxy that is away concerns them all
            return Diagnosis(remarks=(*plan.findings, self._trouble(facts.app, error)))

    def _trouble(self, app: AppName, error: Exception) -> Finding:
        """Return what an app raised, having logged it if it is new."""
        found = _broken(app, error)
        if app not in self._troubled:
            defect = None if isinstance(error, DeployhostError | Unrecorded) else error
            log.warning("%s", found.what, exc_info=defect)
        self._troubled.add(app)
        return found

    def _held(self, app: AppName) -> AbstractContextManager[None]:
        """Return the hold of an app's lock. Raise Conflict where it is another's."""
        if (foreign := self.locks.foreign().get(app)) is not None:
            age = _minutes(foreign.age(self.clock.time()))
            raise Conflict(f"Kamal's lock is held by {foreign.by} since {age}, so it is left alone")
        return self.locks.held(app, NO_VERSION, patience=0, waiting=lambda _: None)

    def _rounds(self, app: AppName, *, hurry: bool, broken_off: Collection[int] = ()) -> Diagnosis:
        done, plan = Diagnosis(), Diagnosis()
        for _ in range(ROUNDS):
            facts = self.reader.apps(app, broken_off).get(app)
            plan = Diagnosis() if facts is None else plan_app(facts)
            steps = tuple(step for step in plan if _now(step, hurry=hurry))
            if not steps:
                break
            for step in steps:
                log.info("%s: %s", step.what, step.why)
            self._act(steps)
            done += Diagnosis(steps)
        return done + Diagnosis(remarks=plan.remarks)

    def _act(self, steps: Iterable[Step]) -> None:
        slow = [step for step in steps if isinstance(step, UNHURRIED)]
        for step in steps:
            if step not in slow:
                self.actor.act(step)
        side_by_side(self.actor.act, slow)


def _is_needy(facts: AppFacts) -> bool:
    try:
        return bool(plan_app(facts))
    except Exception:  # noqa: BLE001 - whoever carries the plan out makes it again, and tells it
        return False


def _left_alone(facts: AppFacts | None) -> str:
    """Return why what serves an app stays as it is, or nothing if it does not."""
    try:
        kept = None if facts is None else adoption(facts)
    except Exception:  # noqa: BLE001 - it is part of the app's plan, where it is told
        return ""
    # What is not in apps.yml is told by who reads that: an app that is put back is one again at once.
    return kept if facts is not None and isinstance(kept, str) and not facts.removed else ""


def _broken(app: AppName, error: Exception) -> Finding:
    """Return as a finding that an app could not be seen to."""
    fix = error.hint if isinstance(error, DeployhostError) else "deployhost converge"
    return Finding(Severity.ERROR, f"{app}: {_said(error)}", fix=fix)


def _said(error: Exception) -> str:
    return str(error if isinstance(error, DeployhostError | Unrecorded) else InternalError.of(error))


def _now(step: Step, *, hurry: bool) -> bool:
    return not hurry or not isinstance(step, UNHURRIED)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
