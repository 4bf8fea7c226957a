"""Repositories that no app owns: converge deletes those that hold nothing, and names the others once."""

from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.config.current import Apps
from deployhost.errors import Conflict
from deployhost.model import AppName, Branch
from deployhost.system.git import BareRepository
from tests.fakes.assembled import Server, sha

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
        assert daemon.converge.warnings() == (expected,)
    assert caplog.messages == [expected], "it is logged once"
    server.add("old")
    assert daemon.converge.run().notes == ()
    assert daemon.converge.warnings() == ()
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

    daemon.converge.server_actor = replace(daemon.converge.server_actor, delete_repository=held)
    server.table.routes.clear()
    plan = daemon.converge.run()
    assert [step.what for step in plan] == [f"lead shop's hosts to shop-web-{sha(1)}"]
    assert "another process has held apps.yml.lock" in plan.notes[0]
    daemon.converge.run()
    assert len([message for message in caplog.messages if "another process" in message]) == 1


def test_one_that_cannot_be_deleted_is_in_no_others_way(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.paths.apps_yml.write_text("apps:\n")
    daemon = server.start()
    for name in ("a", "b"):
        orphan(server, name)
    real = Path.rename

    def rename(self: Path, to: Path) -> Path:
        if self.name == "a.git":
            raise OSError(16, "Device or resource busy")
        return real(self, to)

    monkeypatch.setattr(Path, "rename", rename)
    plan = daemon.converge.run()
    assert there(server) == ["a.git"]
    assert len(plan.steps) == 1
    [note] = plan.notes
    assert "a.git" in note
    assert "device or resource busy" in note


def test_what_was_not_deleted_is_not_told(server: Server) -> None:
    """It had an owner, or content, by then."""
    server.paths.apps_yml.write_text("apps:\n")
    daemon = server.start()
    orphan(server, "old")
    daemon.converge.server_actor = replace(daemon.converge.server_actor, delete_repository=lambda _app: False)
    assert daemon.converge.run().steps == ()


@pytest.mark.parametrize("emptied", [False, True])
def test_apps_yml_is_away_for_a_while(server: Server, *, emptied: bool) -> None:
    """It comes back as the same file with the same time; without it nobody knows which repositories are in use."""
    server.add("shop")
    daemon = server.start()
    daemon.repositories.follow()
    file = server.paths.apps_yml
    aside = file.with_name("apps.yml.bak")
    file.rename(aside)
    server.monkeypatch.setattr(Apps, "known", {})
    if emptied:
        file.write_text("")
    daemon.converge.run()
    assert there(server) == ([] if emptied else ["shop.git"])
    aside.replace(file)
    daemon.repositories.follow()
    assert there(server) == ["shop.git"]
