"""Repositories that no app owns: converge deletes those that hold nothing, and names the others once."""

import pytest

from deployhost.errors import Conflict
from deployhost.model import AppName, Branch
from deployhost.system.git import BareRepository
from tests.assembled import Server, sha

SHOP = AppName("shop")


def orphan(server: Server, name: str, *, commits: bool = False) -> None:
    server.paths.repos.mkdir(parents=True, exist_ok=True)
    repository = BareRepository(server.paths.repos / f"{name}.git")
    repository.create(Branch("main"), {})
    if commits:
        (repository.path / "refs/heads/main").write_text("1" * 40)


def there(server: Server) -> list[str]:
    return sorted(path.name for path in server.paths.repos.iterdir())


def test_what_holds_nothing_goes(server: Server) -> None:
    server.add("shop")
    daemon = server.start()
    daemon.repositories.refresh()
    orphan(server, "old")
    [planned] = daemon.converge.plan()
    assert there(server) == ["old.git", "shop.git"], "only said"
    assert daemon.converge.run(SHOP).steps == (), "that one app was asked for"
    [done] = daemon.converge.run()
    assert done == planned
    assert there(server) == ["shop.git"]
    assert not daemon.converge.run()


def test_what_holds_commits_is_named(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.add("shop")
    daemon = server.start()
    orphan(server, "old", commits=True)
    expected = (
        f"no app uses the repository {server.paths.repo(AppName('old'))}, which holds commits;"
        " to delete it: deployhost remove old; to have it as an app again: deployhost add old"
    )
    assert daemon.converge.plan().notes == (expected,)
    for _ in range(3):
        assert daemon.converge.run().notes == (expected,)
        daemon.converge.run(SHOP)
        assert daemon.converge.unowned() == (expected,)
    assert caplog.messages == [expected], "it is logged once"
    server.add("old")
    assert daemon.converge.run().notes == ()
    assert daemon.converge.unowned() == ()
    assert there(server) == ["old.git"]


def test_a_mistake_in_apps_yml_makes_nothing_an_orphan(server: Server) -> None:
    app = server.add("shop")
    daemon = server.start()
    daemon.deploy(app, sha(1))
    orphan(server, "shop")
    orphan(server, "old")
    good = server.paths.apps_yml.read_text()
    for broken in ("  other: [\n", "  Not A Name:\n"):
        server.paths.apps_yml.write_text(good + broken)
        daemon.converge.run()
        assert there(server) == ["old.git", "shop.git"]
    server.paths.apps_yml.write_text("apps:\n")
    daemon.converge.run()
    assert there(server) == ["shop.git"], "what runs of an app that apps.yml has lost is left alone"


def test_what_cannot_be_deleted_is_in_nobodys_way(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    app = server.add("shop")
    daemon = server.start()
    daemon.deploy(app, sha(1))
    orphan(server, "old")

    def held(_app: AppName) -> bool:
        raise Conflict("another process has held apps.yml.lock for more than 10 s")

    daemon.converge._server_actor._delete_repository = held
    server.table.routes.clear()
    plan = daemon.converge.run()
    assert [step.what for step in plan] == [f"lead shop's hosts to shop-web-{sha(1)}"]
    assert "another process has held apps.yml.lock" in plan.notes[0]
    daemon.converge.run()
    assert len([message for message in caplog.messages if "another process" in message]) == 1
