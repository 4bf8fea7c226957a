"""Workers: one deploy at a time per app, in order, apps side by side; what breaks off is mended."""

import threading
from pathlib import Path

import pytest

from deployhost.daemon import worker
from deployhost.daemon.troubles import Troubles
from deployhost.daemon.worker import Workers
from deployhost.errors import FileProblem, NotFound
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.model import AppName, Deploy, DeployStatus, Sha, Trigger, Version
from deployhost.system.clock import CLOCK
from tests.fakes.assembled import wait_until

SHOP, BLOG = AppName("shop"), AppName("blog")
ONE = Sha("1" * 40)


class Runner:
    """Runs deploys one step at a time: `go` lets one end."""

    def __init__(self, deploys: Deploys) -> None:
        self.deploys = deploys
        self.running: list[Deploy] = []
        self.most: dict[AppName, int] = {}
        self.order: list[int] = []
        self.ended = 0
        self.go = threading.Semaphore(0)
        self.lock = threading.Lock()

    def run(self, deploy: Deploy) -> None:
        self.deploys.begin(deploy, Version(f"{ONE}-{deploy.id}"))
        with self.lock:
            self.running.append(deploy)
            self.order.append(deploy.id)
            same = sum(one.app == deploy.app for one in self.running)
            self.most[deploy.app] = max(self.most.get(deploy.app, 0), same)
        assert self.go.acquire(timeout=5)
        with self.lock:
            self.running.remove(deploy)
        self.deploys.end(deploy.id, DeployStatus.FAILED)

    def mend(self, deploy: Deploy) -> None:
        self.deploys.end(deploy.id, DeployStatus.FAILED)

    def tell(self) -> None:
        self.ended += 1


@pytest.fixture
def deploys(tmp_path: Path) -> Deploys:
    return Deploys(Database(tmp_path / "journal.db"), lambda: 0.0)


@pytest.fixture
def runner(deploys: Deploys) -> Runner:
    return Runner(deploys)


@pytest.fixture
def workers(deploys: Deploys, runner: Runner) -> Workers:
    return Workers(deploys, runner.run, runner.mend, runner.tell, CLOCK, Troubles(lambda: 0.0))


def accept(deploys: Deploys, app: AppName = SHOP) -> Deploy:
    return deploys.accept(app, ONE, trigger=Trigger.PUSH)


def test_nothing_before_it_is_open(deploys: Deploys, workers: Workers, runner: Runner) -> None:
    accept(deploys)
    workers.wake(SHOP)
    assert runner.order == []
    workers.open()
    wait_until(lambda: bool(runner.running))
    runner.go.release()
    wait_until(lambda: not deploys.open())


def test_one_at_a_time_per_app(deploys: Deploys, workers: Workers, runner: Runner) -> None:
    numbers = [accept(deploys).id for _ in range(3)]
    other = accept(deploys, BLOG).id
    workers.open()
    for _ in range(5):
        workers.wake(SHOP)
    wait_until(lambda: {deploy.app for deploy in runner.running} == {SHOP, BLOG})
    runner.go.release(4)
    wait_until(lambda: not deploys.open())
    assert [number for number in runner.order if number != other] == numbers
    assert runner.most == {SHOP: 1, BLOG: 1}
    wait_until(lambda: runner.ended == 4)


def test_what_is_queued_meanwhile(deploys: Deploys, workers: Workers, runner: Runner) -> None:
    workers.open()
    for _ in range(20):
        runner.go.release()
        accept(deploys)
        workers.wake(SHOP)
    wait_until(lambda: not deploys.open())
    assert runner.order == list(range(1, 21))


def test_what_breaks_off_is_mended(deploys: Deploys, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal could not be written: it is tried until it can, and the queue goes on."""
    monkeypatch.setattr(worker, "RETRY", 0.01)
    mended: list[int] = []
    runner = Runner(deploys)
    runner.go.release()

    def run(deploy: Deploy) -> None:
        if deploy.id == 1:
            deploys.begin(deploy, Version(ONE))
            raise FileProblem("a full disk")
        runner.run(deploy)

    def mend(deploy: Deploy) -> None:
        mended.append(deploy.id)
        if len(mended) < 3:
            raise FileProblem("still full")
        runner.mend(deploy)

    workers = Workers(deploys, run, mend, lambda: None, CLOCK, Troubles(lambda: 0.0))
    accept(deploys)
    accept(deploys)
    workers.open()
    wait_until(lambda: not deploys.open())
    assert mended == [1, 1, 1]
    assert runner.order == [2]


def test_app_that_was_removed(deploys: Deploys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "RETRY", 0.01)

    def run(_: Deploy) -> None:
        deploys.forget(SHOP)
        raise ZeroDivisionError

    def mend(_: Deploy) -> None:
        raise NotFound("there is no deploy 1")

    workers = Workers(deploys, run, mend, lambda: None, CLOCK, Troubles(lambda: 0.0))
    accept(deploys)
    workers.open()
    wait_until(lambda: not deploys.of_app(SHOP))
    wait_until(lambda: SHOP not in workers._busy)
