"""Connecting an owner, with GitHub in memory: a crash at every effect and a fault at every call, then a rerun."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployhost.edge import connection as cloudflare
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.zones_plan import Zone
from deployhost.errors import (
    AccessRefused,
    ClockOff,
    Conflict,
    DeployhostError,
    InvalidRequest,
    ProviderUnavailable,
    WaitTimedOut,
)
from deployhost.github.answers import HookConfig, NewApp
from deployhost.github.connect import ConnectGitHub, ConnectRequest
from deployhost.github.connection import GITHUB, delete, load_all, save
from deployhost.model import Domain, Secret
from deployhost.paths import Paths
from deployhost.steps import Step
from deployhost.system import files
from deployhost.system.clock import Clock
from tests.fakes.github import KEY, FakeGitHub, connection
from tests.fakes.life import Crash, Life
from tests.fakes.sweep import effects

HOST = "hooks.example.com"


class Quiet:
    def started(self, step: Step) -> None: ...
    def done(self, step: Step, said: str) -> None: ...
    def failed(self, step: Step, error: Exception) -> None: ...


class World(Clock):
    """A person who makes the App and installs it, whenever the command waits for that; the time goes on by sleeping."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.github = FakeGitHub()
        self.now = 1_750_000_000.0
        self.told: list[str] = []
        self.made = 0
        self.acts = True
        self.code = ""
        self.user = "octo"  # who is logged in in the browser
        self.hooks = True  # whether the manifest has a hook

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.acts and "installations/new" in "".join(self.told):
            for app in self.github.apps.values():
                app.installed = True

    def pasted(self, seconds: float) -> str | None:
        """Come back from GitHub with the code of the App that was just made."""
        self.now += seconds
        asked = sorted(self.paths.connections.glob("github-new-*"))
        if not self.acts or not asked:
            return None
        body = json.loads(asked[-1].read_text())
        if not self.code or "does not accept the code" in "".join(self.told):
            self.made += 1
            self.code = f"code-{self.made}"
            hook = self.hooks and bool(body["webhook_host"])
            self._make_app(body, hook)
            self.told.clear()
        return f"http://127.0.0.1:1/callback?code={self.code}&state={body['state']}"

    def _make_app(self, body: dict[str, Any], hook: bool) -> None:
        number = 2000 + self.made
        owner = body["org"] or self.user
        secret = Secret("githubs-own-secret") if hook else None
        self.github.codes[self.code] = NewApp(
            id=number, slug=f"deployhost-{self.made}", client_id="Iv1.x", owner=owner, owner_id=7,
            kind="organization" if body["org"] else "user", html_url=f"{GITHUB}/apps/deployhost-{self.made}", key=Secret(KEY),
            webhook_secret=secret,
        )  # fmt: skip
        url = f"https://{body['webhook_host']}/webhook/{body['id']}" if hook else ""
        self.hook = HookConfig(url, "json" if hook else "form", has_secret=hook)

    def connecting(self, life: Life | None = None) -> ConnectGitHub:
        github = replace(self.github, effect=(life or Life()).effect)
        original = github.new_app

        def new_app(api_url: str, code: str) -> NewApp:
            made = original(api_url, code)
            if self.github.apps[made.id].hook is None:
                self.github.apps[made.id].hook = self.hook
            return made

        github.new_app = new_app  # type: ignore[method-assign]
        return ConnectGitHub(self.paths, github, tell=self.told.append, pasted=self.pasted, clock=self, host="web1")

    def right(self) -> None:
        """Have one working connection, and nothing else."""
        (ours,) = load_all(self.paths)
        app = self.github.apps[ours.app_id]
        assert ours.installation_id == app.installation_id
        assert app.installed
        assert list(self.paths.connections.glob("github-new-*")) == []
        assert list(self.paths.connections.glob(".*.tmp")) == []
        if cloudflare.load(self.paths) is not None:
            assert ours.webhook_secret is not None
            assert ours.is_reported_to(HOST) is ours.hooked
            assert app.hook_secret == ours.webhook_secret
            assert app.hook == HookConfig(f"https://{HOST}{ours.webhook_path}", "json", has_secret=True)


def tunnel(paths: Paths) -> None:
    cloudflare.save(
        paths,
        CloudflareConnection(
            server_id="0123456789", token=Secret("t" * 40), account_id="a", account_name="A",
            zones=(Zone(Domain("example.com"), "z"),), webhook_zone=Domain("example.com"), webhook_host=Domain(HOST), tunnel_id="i",
        ),
    )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(Paths(tmp_path))


@pytest.fixture
def with_tunnel(world: World) -> World:
    tunnel(world.paths)
    return world


def test_all_of_it(with_tunnel: World) -> None:
    world = with_tunnel
    assert [step.word for step in world.connecting().plan(ConnectRequest())] == ["make_app", "await_installation"]
    done = world.connecting().run(ConnectRequest(), Quiet())
    world.right()
    assert done.changed
    assert done.to_json() == {
        "owner": "octo", "kind": "user", "github": GITHUB, "app": "deployhost-1", "app_url": f"{GITHUB}/apps/deployhost-1",
        "settings_url": f"{GITHUB}/settings/apps/deployhost-1", "installed": True, "suspended": False, "repositories": "all",
        "webhook": f"https://{HOST}{done.connection.webhook_path}", "webhook_active": True, "changed": True, "notes": [],
    }  # fmt: skip
    assert not world.connecting().plan(ConnectRequest())
    again = world.connecting().run(ConnectRequest(), Quiet())
    assert not again.changed
    assert again.connection == done.connection
    assert KEY not in str(done.to_json())


def test_an_organization_is_a_connection_of_its_own(with_tunnel: World) -> None:
    world = with_tunnel
    world.connecting().run(ConnectRequest(), Quiet())
    world.code, world.told = "", []
    world.connecting().run(ConnectRequest(org="acme"), Quiet())
    assert [one.owner for one in load_all(world.paths)] == ["acme", "octo"]


@contextlib.contextmanager
def counted_files(monkeypatch: pytest.MonkeyPatch, life: Life) -> Iterator[None]:
    """Have each file that is written or deleted count as two effects: the process may die before it, and after it."""

    def counted(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def counting(path: Path, *arguments: Any, **options: Any) -> Any:
            life.effect(f"{name} {path.name}")
            done = act(path, *arguments, **options)
            life.effect(f"{name} {path.name} done")
            return done

        return counting

    with monkeypatch.context() as patched:
        for name in ("write_atomically", "remove"):
            patched.setattr(files, name, counted(name, getattr(files, name)))
        yield


@pytest.mark.parametrize("way", ["with a tunnel", "without", "without a hook"])
def test_a_crash_at_every_effect(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crashes = 0
    for number in effects():
        world = World(Paths(tmp_path / str(number)))
        world.hooks = way != "without a hook"
        if way != "without":
            tunnel(world.paths)
        life = Life(break_at=number)
        with counted_files(monkeypatch, life):
            try:
                world.connecting(life).run(ConnectRequest(), Quiet())
            except Crash:
                crashes += 1
        made = world.made
        world.told.clear()
        world.connecting().run(ConnectRequest(), Quiet())
        world.right()
        # Only where the key came and could not be written was another App needed.
        lost = (
            life.broke
            and life.effects[-1].startswith(("new_app done", "write_atomically github-"))
            and not life.effects[-1].endswith("done done")
        )
        assert world.made == made or lost, life.effects[-1]
        assert not world.connecting().run(ConnectRequest(), Quiet()).changed
        if not life.broke:
            break
    assert crashes > 2


FAULTS = [
    AccessRefused("suspended"),
    ProviderUnavailable("GitHub failed with 500"),
    ProviderUnavailable("rate limit", retry_after=30.0),
    ClockOff("the clock"),
]
CALLS = ["new_app", "app", "installation", "hook_config", "set_hook_config", "has_deliveries"]


@pytest.mark.parametrize("after", [False, True], ids=["refused", "done and lost"])
@pytest.mark.parametrize("error", FAULTS, ids=str)
@pytest.mark.parametrize("call", CALLS)
def test_a_fault_at_every_call(with_tunnel: World, call: str, error: DeployhostError, after: bool) -> None:
    world = with_tunnel
    world.hooks = call not in ("set_hook_config", "has_deliveries")
    world.github.fail(call, error, after=after)
    with contextlib.suppress(type(error)):
        world.connecting().run(ConnectRequest(), Quiet())
    world.told.clear()
    world.connecting().run(ConnectRequest(), Quiet())
    world.right()
    assert world.made == (2 if call == "new_app" and after else 1)


def test_nobody_makes_the_app(world: World) -> None:
    world.acts = False
    began = world.now
    with pytest.raises(WaitTimedOut, match="no App was made at GitHub within ten minutes") as raised:
        world.connecting().run(ConnectRequest(org="acme"), Quiet())
    assert raised.value.hint == "deployhost connect github --org acme"
    assert 600 <= world.now - began < 610
    assert load_all(world.paths) == ()


def test_nobody_installs_the_app(world: World) -> None:
    """Its key is kept, and the next run goes on from there."""
    asked_for = world.pasted

    def pasted(seconds: float) -> str | None:
        address = asked_for(seconds)
        world.acts = False
        return address

    world.pasted = pasted  # type: ignore[method-assign]
    with pytest.raises(WaitTimedOut, match="its key is kept"):
        world.connecting().run(ConnectRequest(), Quiet())
    assert load_all(world.paths)[0].installation_id is None
    world.acts = True
    world.connecting().run(ConnectRequest(), Quiet())
    world.right()
    assert world.made == 1


def test_another_process_fetches_the_key(world: World) -> None:
    """The page of the first one is still open in a browser; the address is pasted into the second."""
    first = world.connecting()
    world.acts = False
    with pytest.raises(WaitTimedOut):
        first.run(ConnectRequest(), Quiet())
    world.acts = True
    world.connecting().run(ConnectRequest(), Quiet())
    world.acts = False  # nobody tells the first one anything
    assert not first.run(ConnectRequest(), Quiet()).changed


def test_an_address_of_another_run(world: World) -> None:
    """The key is kept, whichever run fetches it."""
    world.acts = False
    with pytest.raises(WaitTimedOut):
        world.connecting().run(ConnectRequest(org="acme"), Quiet())
    world.acts = True
    pasted = world.pasted

    def first_of_all(seconds: float) -> str | None:
        for path in world.paths.connections.glob("github-new-*"):
            if json.loads(path.read_text())["org"] == "":
                path.rename(path.with_name("away"))
        address = pasted(seconds)
        (world.paths.connections / "away").unlink(missing_ok=True)
        return address

    world.pasted = first_of_all  # type: ignore[method-assign]
    with pytest.raises(InvalidRequest, match="belongs to another run: the key of the App of acme is kept") as raised:
        world.connecting().run(ConnectRequest(), Quiet())
    assert raised.value.hint == "deployhost connect github --org acme"
    assert [one.owner for one in load_all(world.paths)] == ["acme"]


def test_an_app_that_belongs_to_somebody_else(world: World) -> None:
    """An organization that was renamed, for one: no second App is made for it."""
    make = world._make_app

    def elsewhere(body: dict[str, Any], hook: bool) -> None:
        make({**body, "org": "acme-inc"}, hook)

    world._make_app = elsewhere  # type: ignore[method-assign]
    with pytest.raises(InvalidRequest, match="belongs to acme-inc; its key is kept") as raised:
        world.connecting().run(ConnectRequest(org="acme"), Quiet())
    assert raised.value.hint == "deployhost connect github --org acme-inc"
    world.connecting().run(ConnectRequest(org="acme-inc"), Quiet())
    world.right()


def test_two_personal_accounts(with_tunnel: World) -> None:
    """Each has an App of its own; which one is meant is said by its name."""
    world = with_tunnel
    world.connecting().run(ConnectRequest(), Quiet())
    world.user, world.code = "hub", ""
    assert (
        world.connecting().plan(ConnectRequest(user="hub")).steps[0].what
        == "make a private GitHub App that belongs to hub"
    )
    done = world.connecting().run(ConnectRequest(user="hub"), Quiet())
    assert done.connection.owner == "hub"
    assert [one.owner for one in load_all(world.paths)] == ["hub", "octo"]
    for user in ("octo", "Hub"):
        assert not world.connecting().plan(ConnectRequest(user=user))
    with pytest.raises(InvalidRequest, match=r"2 personal accounts \(hub, octo\): say which") as raised:
        world.connecting().run(ConnectRequest(), Quiet())
    assert raised.value.hint == "deployhost connect github --user hub"


def test_a_browser_that_is_logged_in_as_the_first_account(world: World) -> None:
    """No second App of that account is kept, and the person is told what to do."""
    world.connecting().run(ConnectRequest(), Quiet())
    world.code = ""
    with pytest.raises(InvalidRequest, match="belongs to octo, who is connected already, and not to hub") as raised:
        world.connecting().run(ConnectRequest(user="hub"), Quiet())
    assert raised.value.hint == "deployhost connect github --user hub"
    assert raised.value.details == (
        "log in at GitHub as hub in that browser",
        "delete the App deployhost-2, which nothing uses: https://github.com/settings/apps/deployhost-2/advanced",
    )
    world.right()
    world.user, world.code = "hub", ""
    world.connecting().run(ConnectRequest(user="hub"), Quiet())
    assert [one.owner for one in load_all(world.paths)] == ["hub", "octo"]


def test_a_deleted_app(with_tunnel: World) -> None:
    with_tunnel.connecting().run(ConnectRequest(), Quiet())
    with_tunnel.github.apps.clear()
    began = with_tunnel.now
    with pytest.raises(AccessRefused, match="was deleted"):
        with_tunnel.connecting().run(ConnectRequest(), Quiet())
    assert with_tunnel.now == began  # it is no new one, which GitHub may not know yet
    assert len(load_all(with_tunnel.paths)) == 1


def test_github_does_not_know_its_new_app_yet(world: World) -> None:
    world.github.fail("app", AccessRefused("Integration not found"), ProviderUnavailable("503"))
    world.connecting().run(ConnectRequest(), Quiet())
    world.right()


def test_an_owner_who_has_another_name_by_now(with_tunnel: World) -> None:
    """`add NEWNAME/REPO` says to connect NEWNAME: that is the App that there is."""
    with_tunnel.connecting().run(ConnectRequest(org="acme"), Quiet())
    (ours,) = load_all(with_tunnel.paths)
    with_tunnel.github.apps[ours.app_id].owner = "Acme-Inc"
    made = with_tunnel.made
    done = with_tunnel.connecting().run(ConnectRequest(org="acme-inc"), Quiet())
    assert with_tunnel.made == made
    assert (done.connection.id, done.connection.owner) == (ours.id, "Acme-Inc")
    (now,) = load_all(with_tunnel.paths)
    assert now.owner == "Acme-Inc"
    with_tunnel.right()


@pytest.mark.parametrize("call", ["app", "installation", "hook_config", "set_hook_config"])
def test_disconnected_in_the_meantime(with_tunnel: World, call: str) -> None:
    """Set-up keeps connections right, and takes a while to ask; what a person has ended does not come back by that."""
    with_tunnel.hooks = False
    with_tunnel.connecting().run(ConnectRequest(), Quiet())
    (ours,) = load_all(with_tunnel.paths)
    app = with_tunnel.github.apps[ours.app_id]
    app.hook = HookConfig("https://elsewhere.example.com", "form", has_secret=False)
    begin = with_tunnel.github.begin

    def disconnect(called: str, *, changes: bool = False) -> Callable[[], None]:
        if called == call:
            delete(with_tunnel.paths, ours)
        return begin(called, changes=changes)

    connecting = with_tunnel.connecting()
    connecting._github.begin = disconnect  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="disconnected in the meantime"):
        connecting.run(ConnectRequest(), Quiet())
    assert load_all(with_tunnel.paths) == ()


def test_the_secret_is_set_again_each_time(with_tunnel: World) -> None:
    with_tunnel.connecting().run(ConnectRequest(), Quiet())
    (ours,) = load_all(with_tunnel.paths)
    with_tunnel.github.apps[ours.app_id].hook_secret = Secret("somebody changed it")
    with_tunnel.connecting().run(ConnectRequest(), Quiet())
    with_tunnel.right()


def test_a_connection_of_another_github_is_another_one(world: World) -> None:
    save(world.paths, connection("octo", 9, html_url="https://git.example.com"))
    assert [step.word for step in world.connecting().plan(ConnectRequest())] == ["make_app", "await_installation"]
