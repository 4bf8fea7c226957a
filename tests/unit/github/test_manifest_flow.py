"""A new App: asked for once, its key fetched once and kept, whatever happens in between."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.errors import Conflict, FileProblem, InvalidRequest, ProviderRefused, ProviderUnavailable
from deployhost.github.answers import NewApp
from deployhost.github.connection import GITHUB, GitHubConnection, load_all
from deployhost.github.manifest_flow import LIFE, ManifestFlow
from deployhost.github.manifest_plan import Returned
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.system.clock import Clock
from tests.fakes.github import KEY, FakeGitHub


class Time(Clock):
    now = 1_750_000_000.0

    def time(self) -> float:
        return self.now


def new_app(owner: str = "octo", number: int = 1) -> NewApp:
    return NewApp(
        id=2000 + number, slug=f"deployhost-{number}", client_id="Iv1.x", owner=owner, owner_id=1000 + number, kind="user",
        html_url=f"{GITHUB}/apps/deployhost-{number}", key=Secret(KEY), webhook_secret=Secret("from-github"),
    )  # fmt: skip


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path)


@pytest.fixture
def github() -> FakeGitHub:
    return FakeGitHub(codes={"c1": new_app()})


def pending(paths: Paths) -> list[str]:
    return sorted(one.name for one in paths.connections.glob("github-new-*"))


def test_the_key_is_on_the_disk(paths: Paths, github: FakeGitHub) -> None:
    flow = ManifestFlow(paths, github, Time())
    asked = flow.begin(GITHUB, "", "hooks.example.com")
    assert flow.made(asked) is None
    file = paths.connections / pending(paths)[0]
    assert file.stat().st_mode & 0o7777 == 0o600
    made = flow.finish(Returned("c1", asked.state.reveal()))
    assert load_all(paths) == (made,)
    assert flow.made(asked) == made
    assert (made.id, made.owner, made.hooked, made.webhook_secret) == (asked.id, "octo", True, Secret("from-github"))
    assert pending(paths) == []
    assert "state" not in repr(made)


def test_what_was_asked_for_still_counts_in_another_process(paths: Paths, github: FakeGitHub) -> None:
    clock = Time()
    asked = ManifestFlow(paths, github, clock).begin(GITHUB, "")
    clock.now += 3600
    other = ManifestFlow(paths, github, clock)
    assert other.begin(GITHUB, "") == asked
    assert other.finish(Returned("c1", asked.state.reveal())).id == asked.id


def test_owners_hosts_and_tunnels_have_one_each(paths: Paths, github: FakeGitHub) -> None:
    flow = ManifestFlow(paths, github, Time())
    asked = [
        flow.begin(*one)
        for one in ((GITHUB, ""), (GITHUB, "acme"), ("https://git.example.com", ""), (GITHUB, "", "h.example.com"))
    ]
    assert len({one.id for one in asked}) == len({one.state.reveal() for one in asked}) == 4
    assert flow.begin(GITHUB, "ACME") == asked[1]


@pytest.mark.parametrize("passed", [LIFE + 1, -LIFE - 1])
def test_what_is_too_old_does_not_count(paths: Paths, github: FakeGitHub, passed: float) -> None:
    clock = Time()
    flow = ManifestFlow(paths, github, clock)
    old = flow.begin(GITHUB, "")
    clock.now += passed
    with pytest.raises(InvalidRequest, match="too old"):
        flow.finish(Returned("c1", old.state.reveal()))
    assert flow.begin(GITHUB, "").id != old.id
    assert github.calls_made == []


@pytest.mark.parametrize("state", ["", "x", "\ud800", "ü" * 1000])
def test_a_state_of_somebody_else(paths: Paths, github: FakeGitHub, state: str) -> None:
    flow = ManifestFlow(paths, github, Time())
    flow.begin(GITHUB, "")
    with pytest.raises(InvalidRequest, match="not one of this server's"):
        flow.finish(Returned("c1", state))
    assert github.calls_made == []


def test_a_state_works_once(paths: Paths, github: FakeGitHub) -> None:
    flow = ManifestFlow(paths, github, Time())
    asked = flow.begin(GITHUB, "")
    flow.finish(Returned("c1", asked.state.reveal()))
    github.codes["c2"] = new_app("mallory", 2)
    for one in (flow, ManifestFlow(paths, github, Time())):
        with pytest.raises(InvalidRequest):
            one.finish(Returned("c2", asked.state.reveal()))
    assert [one.owner for one in load_all(paths)] == ["octo"]


def test_it_works_once_also_if_the_process_died_before_it_said_so(paths: Paths, github: FakeGitHub) -> None:
    flow = ManifestFlow(paths, github, Time())
    asked = flow.begin(GITHUB, "")
    file = paths.connections / pending(paths)[0]
    text = file.read_text()
    flow.finish(Returned("c1", asked.state.reveal()))
    file.write_text(text)
    file.chmod(0o600)
    github.codes["c2"] = new_app("mallory", 2)
    with pytest.raises(InvalidRequest):
        ManifestFlow(paths, github, Time()).finish(Returned("c2", asked.state.reveal()))


def test_a_code_that_github_does_not_know(paths: Paths, github: FakeGitHub) -> None:
    flow = ManifestFlow(paths, github, Time())
    asked = flow.begin(GITHUB, "acme")
    with pytest.raises(ProviderRefused) as refused:
        flow.finish(Returned("c9", asked.state.reveal()))
    assert f"{GITHUB}/organizations/acme/settings/apps" in refused.value.details[-1]
    assert flow.finish(Returned("c1", asked.state.reveal())).owner == "octo"


def test_github_does_not_answer(paths: Paths, github: FakeGitHub) -> None:
    flow = ManifestFlow(paths, github, Time())
    asked = flow.begin(GITHUB, "")
    github.fail("new_app", ProviderUnavailable("GitHub failed with 502"))
    back = Returned("c1", asked.state.reveal())
    with pytest.raises(ProviderUnavailable):
        flow.finish(back)
    assert flow.finish(back).owner == "octo"


def test_the_disk_is_full_when_the_key_is_there(
    paths: Paths, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub gives it once: it is kept in memory until it can be written."""
    flow = ManifestFlow(paths, github, Time())
    asked = flow.begin(GITHUB, "")
    back = Returned("c1", asked.state.reveal())

    def full(_paths: Paths, _connection: GitHubConnection) -> None:
        raise FileProblem("can't write: no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("deployhost.github.connection.save", full)
        with pytest.raises(FileProblem):
            flow.finish(back)
    assert flow.finish(back).key == Secret(KEY)
    assert github.calls_made == ["new_app"]


def test_two_at_once(paths: Paths, github: FakeGitHub) -> None:
    flow = ManifestFlow(paths, github, Time())
    asked = flow.begin(GITHUB, "")
    begun, go_on = threading.Event(), threading.Event()

    def slowly(_call: str) -> None:
        begun.set()
        go_on.wait(5)

    slow = replace(github, effect=slowly)
    first = ManifestFlow(paths, slow, Time())
    back = Returned("c1", asked.state.reveal())
    thread = threading.Thread(target=first.finish, args=(back,))
    thread.start()
    begun.wait(5)
    with pytest.raises(Conflict, match="is being fetched"):
        first.finish(back)
    go_on.set()
    thread.join()
    with pytest.raises(InvalidRequest):
        flow.finish(back)
    assert github.calls_made == ["new_app"]


@pytest.mark.parametrize("change", [{"id": "x"}, {"state": ""}, {"state": 5}, {"since": "x"}, {"org": None}, None])
def test_a_damaged_file_is_deleted(paths: Paths, github: FakeGitHub, change: dict[str, object] | None) -> None:
    flow = ManifestFlow(paths, github, Time())
    asked = flow.begin(GITHUB, "")
    file = paths.connections / pending(paths)[0]
    file.write_text("[]" if change is None else json.dumps(json.loads(file.read_text()) | change))
    assert flow.begin(GITHUB, "").id != asked.id
    assert len(pending(paths)) == 1
