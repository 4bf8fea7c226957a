"""Bringing journal, Docker and the proxy together: at start, every few seconds, and after Kamal was used. Safe to run twice.

`converge_plan` decides. Each app's steps are carried out under its lock, after another look: what was seen without it may
have been a deploy's switch. An app whose lock somebody else holds is left alone.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from deployhost.converge.act import Actor
from deployhost.converge.act_server import ServerActor
from deployhost.converge.adoption_plan import Adoption, adoption
from deployhost.converge.facts import AppFacts
from deployhost.converge.plan import plan_app, plan_server
from deployhost.converge.read import Looker
from deployhost.converge.repository_plan import plan_repositories
from deployhost.converge.steps import UNHURRIED, MakeProxy, StartProxy
from deployhost.deploy.going_live import Unrecorded
from deployhost.errors import Conflict, DeployhostError
from deployhost.journal.deploys import Deploys
from deployhost.kamal.lock import KamalLocks
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import AppName, Deploy, DeployStatus, Version
from deployhost.steps import Plan, Step

NO_VERSION = Version("0" * 40)  # its lock has no version to name; Kamal only shows it
ROUNDS = 6  # what takes more rounds than that goes in circles; the next run is not far
APPS_AT_ONCE = 4
AT_ONCE = 8  # containers that are stopped side by side
log = logging.getLogger(__name__)


class Converge:
    """Given what looks and what acts, mend what is not as it should be."""

    def __init__(
        self,
        *,
        looker: Looker,
        actor: Actor,
        server_actor: ServerActor,
        proxy: KamalProxy,
        deploys: Deploys,
        locks: KamalLocks,
        clock: Callable[[], float],
    ) -> None:
        self._looker = looker
        self._actor = actor
        self._server_actor = server_actor
        self._proxy = proxy
        self._deploys = deploys
        self._locks = locks
        self._clock = clock
        self._one = threading.Lock()
        self._notes: dict[AppName, tuple[str, ...]] = {}
        self._left_alone: dict[AppName, str] = {}
        self._troubled: set[AppName] = set()  # each trouble is logged once
        self._unowned: tuple[str, ...] = ()

    def run(self, only: AppName | None = None, *, hurry: bool = False) -> Plan:
        """Look at everything, or the app that is named, mend it, and return what was done; the notes tell what could not be.

        With `hurry` the stops for which nobody waits are left for the next run. Raise DockerUnavailable or SwitchFailed while
        the engine or the proxy does not answer, FileProblem while the journal can't be read: then try again later.
        """
        with self._one:
            self._locks.release_left()
            done, notes = self._server()
            if only is None:
                done += self._repositories()
                notes += self._unowned
            apps = self._looker.apps(only)
            for app, (steps, told) in self._all(list(apps.values()), hurry=hurry).items():
                done += steps
                notes += told
                self._notes[app] = tuple(told)
                found = adoption(apps[app])
                # What is not in apps.yml is told by who reads that: an app that is put back is one again at once.
                found = None if apps[app].removed else found
                self._left_alone[app] = found.note if isinstance(found, Adoption) else ""
            return Plan(tuple(done), tuple(notes))

    def plan(self, only: AppName | None = None) -> Plan:
        """Return what `run` would do first; what follows from that is only seen then. Raise what `run` raises."""
        server = plan_server(self._looker.server())
        steps, notes = list(server.steps), list(server.notes)
        if any(isinstance(step, StartProxy | MakeProxy) for step in steps):
            return Plan(tuple(steps), (*notes, "the apps' routes are looked at once kamal-proxy answers"))
        for facts in self._looker.apps(only).values():
            plan = plan_app(facts)
            steps += plan.steps
            notes += plan.notes
        if only is None:
            plan = plan_repositories(self._looker.repositories())
            steps += plan.steps
            notes += plan.notes
        return Plan(tuple(steps), tuple(notes))

    def mend(self, deploy: Deploy) -> None:
        """Given a deploy that nobody works on any more, finish or requeue it if the journal has it as running.

        Raise Conflict while the app is somebody else's, and what `run` raises.
        """
        if self._deploys.get(deploy.id).status is DeployStatus.RUNNING:
            with self._one, self._held(deploy.app):
                self._rounds(deploy.app, hurry=True, broken_off=[deploy.id])

    def notes(self, app: AppName) -> tuple[str, ...]:
        """Given an app, return what the last run had to say of it beside what it did."""
        return self._notes.get(app, ())

    def left_alone(self, app: AppName) -> str:
        """Given an app, return why the last run left what serves it as it is, or nothing if it did not."""
        return self._left_alone.get(app, "")

    def unowned(self) -> tuple[str, ...]:
        """Return what the last run found of repositories that are no app's, and hold commits."""
        return self._unowned

    def _repositories(self) -> list[Step]:
        """Delete the repositories that are nobody's, and return the steps. What fails is told: the apps are not concerned."""
        done: list[Step] = []
        notes: list[str] = []
        try:
            plan = plan_repositories(self._looker.repositories())
            notes += plan.notes
        except DeployhostError as error:
            plan = Plan()
            notes.append(f"repositories without an app can't be seen to: {error}")
        for step in plan:
            try:
                if self._server_actor.act(step):
                    done.append(step)
            except DeployhostError as error:
                notes.append(f"{step.what}: {error}")
        for note in notes:
            if note not in self._unowned:
                log.warning("%s", note)
        self._unowned = tuple(notes)
        return done

    def _server(self) -> tuple[list[Step], list[str]]:
        plan = plan_server(self._looker.server())
        for step in plan:
            self._server_actor.act(step)
        return list(plan.steps), list(plan.notes)

    def _all(self, apps: list[AppFacts], *, hurry: bool) -> dict[AppName, tuple[list[Step], list[str]]]:
        """Given what was seen of the apps, do what that asks for: side by side, since requests may be held of several."""
        needy = [facts for facts in apps if plan_app(facts)]
        done = {facts.app: self._app(facts, hurry=hurry) for facts in apps if facts not in needy}
        if len(needy) < 2:
            return done | {facts.app: self._app(facts, hurry=hurry) for facts in needy}
        with ThreadPoolExecutor(max_workers=APPS_AT_ONCE) as pool:
            found = pool.map(lambda facts: self._app(facts, hurry=hurry), needy)
            return done | {facts.app: result for facts, result in zip(needy, found, strict=True)}

    def _app(self, facts: AppFacts, *, hurry: bool) -> tuple[list[Step], list[str]]:
        """Given what was seen of an app, do what that asks for. What fails is told; the other apps are not concerned."""
        plan = plan_app(facts)
        if not any(_now(step, hurry=hurry) for step in plan):
            self._troubled.discard(facts.app)
            return [], list(plan.notes)
        try:
            with self._held(facts.app):
                return self._rounds(facts.app, hurry=hurry)
        except (DeployhostError, Unrecorded) as error:
            if isinstance(error, Conflict) and facts.app not in self._locks.foreign():
                return [], list(plan.notes)  # a deploy of ours is at it
            self._proxy.routes()  # an engine or a proxy that is away concerns them all
            note = f"{facts.app}: {error}"
            if facts.app not in self._troubled:
                log.warning("%s", note)
            self._troubled.add(facts.app)
            return [], [note]

    @contextlib.contextmanager
    def _held(self, app: AppName) -> Iterator[None]:
        foreign = self._locks.foreign().get(app)
        if foreign is not None:
            age = _minutes(foreign.age(self._clock()))
            raise Conflict(f"Kamal's lock is held by {foreign.by} since {age}, so it is left alone")
        with self._locks.held(app, NO_VERSION, patience=0, waiting=lambda _: None):
            yield

    def _rounds(self, app: AppName, *, hurry: bool, broken_off: Iterable[int] = ()) -> tuple[list[Step], list[str]]:
        done: list[Step] = []
        notes: list[str] = []
        for _ in range(ROUNDS):
            facts = self._looker.apps(app, broken_off).get(app)
            plan = Plan() if facts is None else plan_app(facts)
            notes = list(plan.notes)
            steps = [step for step in plan if _now(step, hurry=hurry)]
            if not steps or facts is None:
                break
            for step in steps:
                log.info("%s: %s", step.what, step.why)
            self._act(facts, steps)
            done += steps
        return done, notes

    def _act(self, facts: AppFacts, steps: list[Step]) -> None:
        slow = [step for step in steps if isinstance(step, UNHURRIED)]
        for step in steps:
            if step not in slow:
                self._actor.act(facts, step)
        if len(slow) == 1:
            self._actor.act(facts, slow[0])
        elif slow:
            with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
                list(pool.map(lambda step: self._actor.act(facts, step), slow))


def _now(step: Step, *, hurry: bool) -> bool:
    return not hurry or not isinstance(step, UNHURRIED)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
