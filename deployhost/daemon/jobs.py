"""The daemon's periodic jobs: what is done again and again, and how often."""

import contextlib
from collections.abc import Mapping

from deployhost.daemon.parts import Parts
from deployhost.daemon.schedule import PutOff
from deployhost.daemon.schedule_plan import Job, Lane
from deployhost.errors import FileProblem
from deployhost.journal.last_run import Run
from deployhost.model import AppName
from deployhost.upkeep.kamal_registry import COLLECTING, RegistryCollector

EVERY, JITTER = 60.0, 0.25  # seconds between questions to GitHub, and by which part of them less
LOOK = 10.0  # seconds between looks at what a person, Kamal or a crash may have changed


def jobs(daemon: Parts) -> tuple[Job, ...]:
    """Return the daemon's jobs. Those of one lane that are due at once are done in this order at the start."""
    return (
        Job(name="refreshing hooks", every=LOOK, run=lambda _: daemon.repositories.follow()),
        Job(name="converging", every=LOOK, run=lambda _: converge(daemon)),
        Job(name="finishing removals", every=LOOK, run=lambda _: daemon.remover.retry()),
        Job(name="isolating", every=LOOK, run=lambda _: daemon.isolation.follow()),
        Job(name="keeping apps away from the host", every=LOOK, run=lambda _: daemon.host_isolation.follow()),
        # The account comes first: a zone that it has by now gets its records at once.
        Job(
            name="looking at the account at Cloudflare",
            lane=Lane.NETWORK,
            every=LOOK,
            run=lambda _: daemon.account_care.follow(),
        ),
        Job(name="seeing to DNS records", lane=Lane.NETWORK, every=LOOK, run=lambda _: daemon.records.follow()),
        Job(name="watching the disks", every=EVERY, run=lambda _: daemon.disk_users.check()),
        *daemon.keeping.jobs(),
        # It only says what is to be looked at; the looks have threads of their own, since GitHub may be slow.
        Job(
            name="asking GitHub about",
            every=lambda: deployed_from_github(daemon),
            jitter=JITTER,
            run=lambda app: ask(daemon, app),
        ),
        Job(
            name=COLLECTING,
            lane=Lane.SLOW,
            every=lambda: _of_server(daemon.registry.interval()),
            run=lambda _: collect(daemon.registry),
        ),
    )


def deployed_from_github(daemon: Parts) -> Mapping[AppName | None, float]:
    """Return how often each app's repository on GitHub is looked at, in seconds, for those that have one, or had one until now."""
    pinned = {one.app for one in daemon.sources.all()}
    apps = daemon.apps.now().apps
    return {name: EVERY for name, config in apps.items() if config.source is not None or name in pinned}


def ask(daemon: Parts, app: AppName | None) -> None:
    """Have an app's repository on GitHub looked at."""
    if app is not None:
        daemon.look_queue.ask(app)


def converge(daemon: Parts) -> None:
    """Bring things together, and have workers at what is begun again."""
    try:
        daemon.converge.run()
    finally:
        daemon.workers.open()


def collect(registry: RegistryCollector) -> None:
    """Free the registry of what nobody needs. Raise PutOff while something is pushed to it."""
    if registry.run() is None:
        raise PutOff


def collect_by_hand(daemon: Parts) -> None:
    """Free the registry since somebody asked for that, unless something is pushed to it; the job has time again then."""
    if daemon.registry.run() is not None:
        now = daemon.clock.time()
        with contextlib.suppress(FileProblem):  # what was freed is freed; the job comes sooner then
            daemon.runs.write((COLLECTING, None), Run(now, now, now))


def _of_server(interval: float | None) -> Mapping[AppName | None, float]:
    return {} if interval is None else {None: interval}
