"""The daemon's own jobs, each with what it does and how often."""

from types import SimpleNamespace
from typing import cast

import pytest

from deployhost.config.app import AppConfig
from deployhost.daemon.jobs import LOOK, collect, collect_by_hand, jobs
from deployhost.daemon.keeping import EVERY, Keeping
from deployhost.daemon.parts import Parts
from deployhost.daemon.schedule import PutOff
from deployhost.daemon.schedule_plan import Lane
from deployhost.kamal.registry import Collected
from deployhost.model import AppName, RepositoryName
from deployhost.upkeep.kamal_registry import COLLECTING, WEEK, RegistryCollector
from tests.fakes.assembled import Assembled

SHOP, BLOG, NEWS = AppName("shop"), AppName("blog"), AppName("news")


class Told:
    """Stands for every part of the daemon: notes what is called."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.apps = {
            SHOP: AppConfig(SHOP, source=RepositoryName("acme/shop")),
            BLOG: AppConfig(BLOG),
            NEWS: AppConfig(NEWS),
        }
        self.interval: float | None = WEEK
        part = self.part
        self.daemon = cast(
            "Parts",
            SimpleNamespace(
                repositories=part("repositories", "follow"),
                converge=part("converge", "run"),
                workers=part("workers", "open"),
                remover=part("remover", "retry"),
                isolation=part("isolation", "follow"),
                host_isolation=part("host_isolation", "follow"),
                account_care=part("account_care", "follow"),
                records=part("records", "follow"),
                disk_users=part("disk_users", "check"),
                keeping=Keeping({"sweeping up": self.keep}, lambda _note: None),
                apps=SimpleNamespace(now=lambda: SimpleNamespace(apps=self.apps)),
                sources=SimpleNamespace(all=lambda: [SimpleNamespace(app=NEWS)]),
                look_queue=SimpleNamespace(ask=lambda app: self.calls.append(f"look at {app}")),
                registry=SimpleNamespace(interval=lambda: self.interval, run=self.collect),
            ),
        )

    def part(self, name: str, method: str) -> SimpleNamespace:
        return SimpleNamespace(**{method: lambda: self.calls.append(f"{name}.{method}")})

    def keep(self) -> tuple[str, ...]:
        self.calls.append("keep")
        return ()

    def collect(self) -> Collected:
        self.calls.append("collect")
        return Collected()


def test_each_does_its_own() -> None:
    told = Told()
    table = {job.name: job for job in jobs(told.daemon)}
    assert [(name, job.intervals(), job.lane) for name, job in table.items()] == [
        ("refreshing hooks", {None: LOOK}, Lane.QUICK),
        ("converging", {None: LOOK}, Lane.QUICK),
        ("finishing removals", {None: LOOK}, Lane.QUICK),
        ("isolating", {None: LOOK}, Lane.QUICK),
        ("keeping apps away from the host", {None: LOOK}, Lane.QUICK),
        ("looking at the account at Cloudflare", {None: LOOK}, Lane.NETWORK),
        ("seeing to DNS records", {None: LOOK}, Lane.NETWORK),
        ("watching the disks", {None: EVERY}, Lane.QUICK),
        ("sweeping up", {None: EVERY}, Lane.QUICK),
        ("asking GitHub about", {SHOP: 60.0, NEWS: 60.0}, Lane.QUICK),
        (COLLECTING, {None: WEEK}, Lane.SLOW),
    ]
    for job in table.values():
        for app in job.intervals():
            job.run(app)
    assert told.calls == [
        "repositories.follow",
        "converge.run",
        "workers.open",
        "remover.retry",
        "isolation.follow",
        "host_isolation.follow",
        "account_care.follow",
        "records.follow",
        "disk_users.check",
        "keep",
        "look at shop",
        "look at news",
        "collect",
    ]


def test_a_registry_that_is_empty_is_not_collected() -> None:
    told = Told()
    [job] = [job for job in jobs(told.daemon) if job.name == COLLECTING]
    told.interval = None
    assert job.intervals() == {}


def test_a_push_puts_the_collection_off() -> None:
    with pytest.raises(PutOff):
        collect(cast("RegistryCollector", SimpleNamespace(run=lambda: None)))


def test_what_was_asked_for_counts(daemon: Assembled) -> None:
    """Unless a push was in its way: then nothing was collected."""
    registry = SimpleNamespace(run=lambda: None)
    vars(daemon)["registry"] = registry
    collect_by_hand(daemon)
    assert daemon.runs.last() == {}
    registry.run = Collected
    collect_by_hand(daemon)
    [(key, run)] = daemon.runs.last().items()
    assert key == (COLLECTING, None)
    assert run.went_well
