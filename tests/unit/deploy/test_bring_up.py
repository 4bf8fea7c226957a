"""Release command, start, ready, switch: the same for both strategies."""

import pytest

from deployhost.model import DeployStatus, Sha, Strategy
from tests.fakes.asking import WORKERS, is_let_go, running
from tests.fakes.assembled import Server, sha
from tests.fakes.docker import Behaviour

ONE, TWO, THREE = sha(1), sha(2), sha(3)


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize(
    "ends", [{"python worker.py": 1, "python migrate.py": 0}, {"python migrate.py": 2}], ids=["worker", "release"]
)
def test_a_process_that_fails_stops_the_deploy(server: Server, strategy: Strategy, ends: dict[str, int]) -> None:
    server.behaviours[ONE] = Behaviour(processes=WORKERS, ends={"python migrate.py": 0})
    server.behaviours[TWO] = Behaviour(processes=WORKERS, ends=ends, says=("no such table",))
    app, daemon = server.add("shop", text=f"strategy: {strategy}"), server.start()
    daemon.deploy(app, ONE)
    deploy = daemon.deploy(app, TWO)
    assert deploy.status is DeployStatus.FAILED
    assert deploy.error is not None
    assert "no such table" in deploy.error["details"]
    assert deploy.error["message"] in (
        "the process worker ended while starting, with exit code 1", "the release command failed, with exit code 2",
    )  # fmt: skip
    assert daemon.live(app).sha == ONE
    assert running(server) == [f"shop-web-{ONE}", f"shop-worker-{ONE}"]
    assert is_let_go(server, daemon)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_long_release_command_while_requests_are_held(server: Server, strategy: Strategy) -> None:
    """Whoever pushed learns that visitors wait, once; where none do, nothing is said."""
    server.behaviours[ONE] = server.behaviours[TWO] = Behaviour(processes=WORKERS, ends={"python migrate.py": 0})
    app, daemon = server.add("shop", text=f"strategy: {strategy}"), server.start()

    def told(commit: Sha) -> list[str]:
        notes = [event.get("text", "") for event in daemon.told(daemon.deploy(app, commit))]
        return [note for note in notes if "visitors" in note]

    server.engine.notes_late = 300
    assert told(ONE) == [], "nobody is held by the first deploy"
    long = "visitors have been waiting for 5 s: a release command runs while requests are held"
    assert told(TWO) == ([long] if strategy is Strategy.HANDOVER else [])
    server.engine.notes_late = 20
    assert told(TWO) == []


@pytest.mark.parametrize("strategy", Strategy)
def test_cancelled_while_it_starts(server: Server, strategy: Strategy) -> None:
    app, daemon = server.add("shop", text=f"strategy: {strategy}"), server.start()
    daemon.deploy(app, ONE)
    queued = daemon.accept(app, TWO)
    daemon.fake_builder.during = lambda: None
    start = daemon.docker.start

    def start_and_cancel(container: str) -> None:
        start(container)
        if daemon.deploys.get(queued.id).status is DeployStatus.RUNNING:
            daemon.cancellations.ask(queued.id, "somebody")

    daemon.docker.start = start_and_cancel  # type: ignore[method-assign]
    daemon.work_off()
    assert daemon.deploys.get(queued.id).status is DeployStatus.CANCELLED
    assert daemon.live(app).sha == ONE
    assert running(server) == [f"shop-web-{ONE}"]
    assert is_let_go(server, daemon)


@pytest.mark.parametrize("strategy", Strategy)
def test_an_app_that_refuses_its_own_name(server: Server, strategy: Strategy) -> None:
    """It runs, and no visitor gets anything else: Django without ALLOWED_HOSTS."""
    server.behaviours[ONE] = Behaviour(status=400)
    app, daemon = server.add("shop", text=f"strategy: {strategy}\n    domains: [shop.example.com]"), server.start()
    deploy = daemon.deploy(app, ONE)
    assert deploy.status is DeployStatus.LIVE
    told = [event["text"] for event in daemon.told(deploy) if event["event"] == "note"]
    assert told == [
        "it answers 400 to its own host name shop.example.com (GET /up): if that is Django, name the host in ALLOWED_HOSTS"
    ]
    well = daemon.deploy(app, TWO)
    assert not [event for event in daemon.told(well) if "ALLOWED_HOSTS" in str(event)]
