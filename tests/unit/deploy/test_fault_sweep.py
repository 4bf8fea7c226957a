"""The daemon dies at each of its effects, one after the other, whatever it does just then; the next one brings everything together."""

from dataclasses import dataclass

import pytest

from deployhost.model import AppName, Deploy, Sha, Trigger
from tests.fakes.assembled import Assembled, Server, settle, sha
from tests.fakes.docker import Behaviour
from tests.fakes.git import RepositoryOfPages
from tests.fakes.kamal_by_hand import KamalByHand
from tests.fakes.life import Crash, Life, Until
from tests.fakes.recovering import check, restart
from tests.fakes.sweep import effects

ONE, TWO, THREE = sha(1), sha(2), sha(3)
PLAIN = Behaviour()
WORKERS = Behaviour(
    processes={"worker": "python worker.py", "release": "python migrate.py"}, ends={"python migrate.py": 0}
)
OLD = Behaviour(user="10001:10001")  # the user that all apps had until they got their own
OVERLAP = "storage: true\n    strategy: overlap"


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a daemon does while it dies: which deploys are asked for, one after the other, and what is live in the end."""

    asked: tuple[tuple[Sha, Trigger], ...] = ((TWO, Trigger.PUSH),)
    live: Sha = TWO
    branch: Sha = TWO
    text: str = ""
    behaviour: Behaviour = PLAIN
    before: tuple[Sha, ...] = (ONE,)
    overtaken: bool = False  # whether the second is asked for while the first is built
    every: int = 1  # long works share their steps with others
    pages: bool = False  # whether its images are generated here, and run as the app's own user
    first: Behaviour | None = None  # of the first commit, where that is another


WORK = {
    "push": Work(),
    "settings": Work(asked=((ONE, Trigger.SETTINGS),), live=ONE, branch=ONE),
    "overtaken": Work(
        asked=((TWO, Trigger.PUSH), (THREE, Trigger.PUSH)), live=THREE, branch=THREE, overtaken=True, every=3
    ),
    "rollback": Work(asked=((ONE, Trigger.ROLLBACK),), live=ONE, before=(ONE, TWO)),
    "automatic rollback": Work(asked=((ONE, Trigger.AUTO_ROLLBACK),), live=ONE, before=(ONE, TWO), every=2),
    "workers": Work(behaviour=WORKERS, every=2),
    "handover": Work(text="storage: true"),
    "handover with workers": Work(text="strategy: handover", behaviour=WORKERS, every=2),
    "handover of settings": Work(
        asked=((ONE, Trigger.SETTINGS),), live=ONE, branch=ONE, text="strategy: handover", every=2
    ),
    "storage in other hands": Work(text=OVERLAP, pages=True, first=OLD),
    "storage in other hands, and back": Work(
        text=OVERLAP, pages=True, first=OLD, asked=((ONE, Trigger.ROLLBACK),), live=ONE, before=(ONE, TWO)
    ),
    "storage in the hands of what fails": Work(
        text=OVERLAP, pages=True, first=OLD, behaviour=Behaviour(exits=3), live=ONE, branch=ONE
    ),
}


def ask(daemon: Assembled, app: AppName, commit: Sha, trigger: Trigger) -> None:
    """Given a commit and what asks for it, queue that deploy as the daemon does."""
    if trigger in (Trigger.ROLLBACK, Trigger.AUTO_ROLLBACK):
        daemon.deploys.accept(app, commit, trigger=trigger, target=daemon.releases.of_app(app)[-1].version)
    else:
        daemon.accept(app, commit, trigger)


def prepare(server: Server, work: Work) -> AppName:
    """Have the app of a work live, as it is before that."""
    app = server.add("shop", text=work.text)
    if work.pages:
        server.repository = RepositoryOfPages
    for commit in (ONE, TWO, THREE):
        server.behaviours[commit] = work.behaviour
    server.behaviours[ONE] = work.first or work.behaviour
    daemon = server.start()
    for commit in work.before:
        daemon.deploy(app, commit)
    return app


def die_at(server: Server, life: Life, app: AppName, work: Work) -> None:
    """One daemon's life, in which the work is done as far as it comes."""
    try:
        daemon = server.start(life)
        later = list(work.asked[1:])
        if work.overtaken:
            daemon.fake_builder.during = lambda: ask(daemon, app, *later.pop()) if later else None
        ask(daemon, app, *work.asked[0])
        daemon.work_off()
    except Crash:
        pass
    settle()


def finish(server: Server, daemon: Assembled, app: AppName, work: Work) -> None:
    """What the journal never had is asked for again, as whoever asked would; then everything must be as it should."""
    taken = {deploy.sha for deploy in asked(daemon, app, work)}
    for commit, trigger in work.asked:
        if commit not in taken:
            ask(daemon, app, commit, trigger)
    daemon.work_off()
    check(server, daemon, app, work.live, work.branch)
    if work.pages:
        uid, gid = map(int, server.engine.images[daemon.live(app).image].user.split(":"))
        storage, possession = server.paths.storage(app), server.possession
        assert possession.directories[storage] == possession.files[storage] == (uid, gid)
        assert not daemon.storage.is_lent(app)


def asked(daemon: Assembled, app: AppName, work: Work) -> list[Deploy]:
    """Return the deploys that the journal has of the work itself."""
    return [deploy for deploy in daemon.deploys.of_app(app) if deploy.id > len(work.before)]


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_crash_at_every_effect(server: Server, work: Work) -> None:
    app = prepare(server, work)
    restore = server.remember()
    for at in effects(work.every):
        restore()
        life = Life(break_at=at)
        die_at(server, life, app, work)
        finish(server, restart(server), app, work)
        if not life.broke:
            break
    assert at > 20, "the sweep went through all stages"


@pytest.mark.parametrize("proxy_restarts", [False, True], ids=["", "proxy restarts too"])
@pytest.mark.parametrize(
    ("work", "effect"),
    [
        ("workers", "docker start"),
        ("workers", "git move_branch"),
        ("handover with workers", "docker stop"),
        ("handover with workers", "docker start"),
        ("handover with workers", "proxy resume"),
        ("handover with workers", "git move_branch"),
        ("storage in other hands", "chown directory"),
        ("storage in the hands of what fails", "docker start"),
    ],
)
def test_crash_while_recovering(server: Server, work: str, effect: str, proxy_restarts: bool) -> None:
    """The daemon died, and the next one dies at each of the effects with which it brings things together."""
    todo = WORK[work]
    app = prepare(server, todo)
    die_at(server, Until(effect), app, todo)
    if proxy_restarts:
        server.table.restart()
    restore = server.remember()
    for at in effects():
        restore()
        life = Life(break_at=at)
        try:
            restart(server, life)
        except Crash:
            settle()
        finish(server, restart(server), app, todo)
        if not life.broke:
            break
    assert at > 3, "there was something to bring together"


def test_switched_before_the_workers_were_there(server: Server) -> None:
    """Kamal moves the requests first: what is live without its workers is started once more, with them."""
    work = WORK["workers"]
    app = prepare(server, work)
    die_at(server, Until("git move_branch"), app, work)
    lost = next(one for one in server.engine.running if one.name == f"shop-worker-{TWO}")
    del server.engine.containers[lost.id]
    daemon = server.start()
    daemon.converge.run(hurry=True)
    assert daemon.live(app).sha == TWO
    daemon.work_off()
    server.now += 100
    daemon.converge.run()
    settle()
    check(server, daemon, app, TWO)


def test_crash_while_adopting(server: Server) -> None:
    """What Kamal deployed, while the daemon was away, is taken over whole or not at all."""
    app = prepare(server, Work())
    KamalByHand(server).deploy(app, TWO)
    restore = server.remember()
    for at in effects():
        restore()
        life = Life(break_at=at)
        try:
            restart(server, life)
        except Crash:
            settle()
        daemon = restart(server)
        assert daemon.live(app).sha == TWO
        adopted = [deploy for deploy in daemon.deploys.of_app(app) if deploy.trigger is Trigger.KAMAL]
        assert [deploy.id for deploy in adopted] == [daemon.live(app).deploy]
        assert len(server.engine.running) == 1
        if not life.broke:
            break
