"""setup with accounts: what is asked for and when, what is an error without a terminal, and what a rerun still has to do.

Cloudflare and GitHub are in memory; the machine's own part is a stand-in, and a person at a browser makes the App.
"""

import io
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

import deployhost.cli.main as command
from deployhost.cli import connect_github, setup_accounts
from deployhost.cli import setup as verb
from deployhost.cli.main import main
from deployhost.edge import asking
from deployhost.edge import connection as cloudflare
from deployhost.errors import AccessRefused, ProviderUnavailable
from deployhost.github import api
from deployhost.github.answers import HookConfig, NewApp
from deployhost.github.connection import GITHUB, load_all, save
from deployhost.model import Secret
from deployhost.paths import Paths
from deployhost.server.setup import Report, Request
from tests.fakes.cloudflare import TOKEN, FakeCloudflare, FakeToken
from tests.fakes.command import Ran
from tests.fakes.github import KEY, FakeGitHub, connection
from tests.fakes.tunnel import no_cloudflared

Setup = Callable[..., Ran]


class Killed(BaseException):
    """The process ends here."""


@dataclass
class World:
    """Both accounts, the machine's part, and the person: `reads` is what waits for input, which may raise."""

    root: Path
    cloudflare: FakeCloudflare = field(default_factory=FakeCloudflare)
    github: FakeGitHub = field(default_factory=FakeGitHub)
    ran: list[Request] = field(default_factory=list)
    browser: bool = True
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(2001))

    @property
    def paths(self) -> Paths:
        return Paths(self.root)

    def run(self, request: Request, _recorder: object) -> Report:
        """Set the machine up."""
        self.ran.append(request)
        return Report((), (), changed=len(self.ran) == 1 and not request.dry_run, http_port=request.http_port or 80)

    def pasted(self, _seconds: float) -> str | None:
        """Confirm the App that is asked for, as a browser does, and enter the address at which it ends."""
        if not self.browser:
            raise KeyboardInterrupt
        (asked,) = self.paths.connections.glob("github-new-*")
        body, number = json.loads(asked.read_text()), next(self.numbers)
        url = f"https://{body['webhook_host']}/webhook/{body['id']}" if body["webhook_host"] else ""
        made = self.github.codes[f"code-{number}"] = NewApp(
            id=number, slug=f"deployhost-{number}", client_id="Iv1.x", owner=body["org"] or "octo", owner_id=7,
            kind="organization" if body["org"] else "user", html_url=f"{GITHUB}/apps/deployhost-{number}", key=Secret(KEY),
            webhook_secret=Secret("hook") if url else None,
        )  # fmt: skip
        original = self.github.new_app

        def new_app(api_url: str, code: str) -> NewApp:
            done = original(api_url, code)
            app = self.github.apps[made.id]
            app.installed, app.hook = True, HookConfig(url, "json", has_secret=True) if url else None
            return done

        self.github.new_app = new_app  # type: ignore[method-assign]
        return f"http://127.0.0.1:1/callback?code=code-{number}&state={body['state']}"

    @property
    def owners(self) -> list[str]:
        return [one.owner for one in load_all(self.paths)]


@pytest.fixture
def world(root: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(root)
    made.cloudflare.zone("example.com")
    monkeypatch.setattr(verb, "_work", lambda _session, _checklist: made)
    monkeypatch.setattr(asking, "CloudflareAccounts", lambda sdk: made.cloudflare)
    no_cloudflared(monkeypatch)
    monkeypatch.setattr(api, "GitHubClient", lambda: made.github)
    monkeypatch.setattr(connect_github, "PastedLines", lambda _stdin: made.pasted)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


@pytest.fixture
def token(tmp_path: Path) -> str:
    file = tmp_path / "token.txt"
    file.write_text(f"{TOKEN}\n")
    return str(file)


@pytest.fixture
def setup(world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Setup:
    """Return what runs setup; with `typed` a person is at a terminal and enters that."""
    session_of = command._session

    def setup(*arguments: str, typed: "str | io.StringIO | None" = None) -> Ran:
        stdin = typed if isinstance(typed, io.StringIO) else io.StringIO(typed or "")
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(
            command, "_session", lambda given: replace(session_of(given), interactive=typed is not None)
        )
        code = main(["setup", *arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return setup


class Interrupting(io.StringIO):
    """A terminal at which Ctrl-C is pressed after so many lines."""

    def __init__(self, text: str, after: int) -> None:
        super().__init__(text)
        self.left = after

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().readline(-1 if size is None else size)


def test_all_of_it_without_a_terminal(world: World, setup: Setup, token: str) -> None:
    ran = setup("--cloudflare-token", token, "--zone", "example.com", "--org", "acme")
    assert (ran.code, ran.err) == (0, "")
    assert world.owners == ["acme"]
    saved = cloudflare.load(world.paths)
    assert saved is not None
    (app,) = world.github.apps.values()
    assert app.hook is not None
    assert app.hook.url.startswith(f"https://{saved.webhook_host}/webhook/"), "GitHub comes after Cloudflare"
    assert ran.out.endswith("next: deployhost add OWNER/REPO\n")
    assert TOKEN not in ran.out


def test_a_rerun_asks_for_nothing_and_changes_nothing(world: World, setup: Setup, token: str) -> None:
    first = setup("--cloudflare-token", token, "--org", "acme", "--json").json
    assert first["changed"] is True
    assert first["cloudflare"]["webhook_host"].endswith(".example.com")
    assert [one["owner"] for one in first["github"]] == ["acme"]
    again = setup("--json").json
    assert again["changed"] is False
    assert again["cloudflare"]["tunnel"] == first["cloudflare"]["tunnel"]
    assert [one["owner"] for one in again["github"]] == ["acme"]
    at_a_terminal = setup(typed="")
    assert at_a_terminal.code == 0
    assert at_a_terminal.err == ""
    assert "acme is connected; nothing to do" in at_a_terminal.out
    assert len(world.cloudflare.all_tunnels) == 1


def test_what_is_missing_without_a_terminal_is_named_once_the_machine_is_set_up(world: World, setup: Setup) -> None:
    ran = setup()
    assert ran.code == 2
    assert len(world.ran) == 1
    assert "--cloudflare-token FILE" in ran.err
    assert "--skip github" in ran.err
    assert "try: deployhost setup --cloudflare-token FILE" in ran.err
    error = setup("--json").json["error"]
    assert error["code"] == "invalid_request"
    assert error["hint"] == "deployhost setup --cloudflare-token FILE"


def test_with_json_nobody_is_asked_at_a_terminal_either(setup: Setup) -> None:
    ran = setup("--json", typed="y\n")
    assert ran.code == 2
    assert ran.err == ""


def test_what_can_be_connected_is_connected_before_the_rest_is_missed(world: World, setup: Setup, token: str) -> None:
    ran = setup("--cloudflare-token", token)
    assert ran.code == 2
    assert "GitHub is not connected" in ran.err
    assert "Cloudflare is not connected" not in ran.err
    assert cloudflare.load(world.paths) is not None
    assert setup("--skip", "github").code == 0


def test_github_is_not_connected_without_the_tunnel_that_it_needs(world: World, setup: Setup) -> None:
    ran = setup("--org", "acme")
    assert ran.code == 2
    assert "Cloudflare is not connected" in ran.err
    assert "GitHub is not" not in ran.err
    assert world.owners == []
    assert setup("--org", "acme", "--skip", "cloudflare").code == 0
    assert world.owners == ["acme"]


def test_both_are_skipped(world: World, setup: Setup) -> None:
    ran = setup("--skip", "cloudflare,github", "--json")
    assert ran.code == 0
    assert (ran.json["cloudflare"], ran.json["github"]) == (None, None)
    assert setup("--skip", " GitHub , cloudflare").code == 0
    assert (world.cloudflare.calls, world.github.calls_made) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--skip", "tailscale"], "not tailscale"),
        (["--skip", "cloudflare", "--zone", "example.com"], "leave --zone out too"),
        (["--skip", "github", "--org", "acme"], "leave --org out too"),
        (["--local", "--zone", "example.com"], "leave --zone or --local out"),
        (["--local", "--github-url", "https://ghe.example.com"], "leave --github-url or --local out"),
        (["--github-url", "http://ghe.example.com"], "write https://"),
        (["--org", "a/b"], "a/b"),
        (["--zone", "no zone"], "no zone"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(
    world: World, setup: Setup, arguments: list[str], said: str
) -> None:
    ran = setup(*arguments)
    assert ran.code == 2
    assert said in ran.err
    assert world.ran == []


def test_a_token_file_that_is_not_there(world: World, setup: Setup) -> None:
    assert setup("--cloudflare-token", "/nowhere/token").code == 3
    assert world.ran == []


def test_a_person_is_asked_for_both(world: World, setup: Setup) -> None:
    world.cloudflare.zone("example.org")
    ran = setup(typed=f"y\n{TOKEN}\nexample.org\ny\nacme\n")
    assert ran.code == 0
    saved = cloudflare.load(world.paths)
    assert saved is not None
    assert saved.webhook_zone == "example.org"
    assert world.owners == ["acme"]
    assert "Connect Cloudflare now? [y/N]" in ran.err
    assert "Connect GitHub now? [y/N]" in ran.err
    assert "✓ make a private GitHub App" in ran.out


def test_a_person_connects_their_own_account(world: World, setup: Setup) -> None:
    assert setup("--skip", "cloudflare", typed="y\n\n").code == 0
    assert world.owners == ["octo"]
    assert setup("--skip", "cloudflare", typed="").err == "", "the user's account is connected: nothing is asked"


def test_a_person_skips_both_and_is_asked_again(world: World, setup: Setup, token: str) -> None:
    ran = setup(typed="n\n\n")
    assert ran.code == 0
    assert "to connect it later: deployhost connect cloudflare" in ran.out
    assert "to connect it later: deployhost connect github" in ran.out
    assert (world.cloudflare.calls, world.owners) == ([], [])
    ran = setup("--cloudflare-token", token, typed="n\n")
    assert ran.code == 0
    assert "Cloudflare now?" not in ran.err
    assert "GitHub now?" in ran.err
    ran = setup(typed="n\n")
    assert "Cloudflare now?" not in ran.err
    assert "GitHub now?" in ran.err


def test_yes_answers_whether_but_not_with_what(world: World, setup: Setup) -> None:
    ran = setup("--yes", typed=f"{TOKEN}\n\n")
    assert ran.code == 0
    assert "now?" not in ran.err
    assert cloudflare.load(world.paths) is not None
    assert world.owners == ["octo"]


def test_a_refused_token_is_asked_for_again(world: World, setup: Setup) -> None:
    ran = setup("--skip", "github", typed=f"y\nwrong\ny\n\ny\n{TOKEN}\n")
    assert ran.code == 0
    assert "error: Invalid API Token" in ran.err
    assert "error: that is no token" in ran.err
    assert cloudflare.load(world.paths) is not None


def test_a_refused_token_is_given_up(world: World, setup: Setup) -> None:
    assert setup("--skip", "github", typed="y\nwrong\nn\n").code == 5
    assert cloudflare.load(world.paths) is None


def test_a_refused_token_without_a_terminal(world: World, setup: Setup, token: str) -> None:
    world.cloudflare.tokens[TOKEN] = FakeToken(status="expired")
    ran = setup("--cloudflare-token", token, "--org", "acme")
    assert ran.code == 5
    assert "it has expired" in ran.err
    assert len(world.ran) == 1
    assert (cloudflare.load(world.paths), world.owners) == (None, [])


def test_several_zones_without_a_terminal(world: World, setup: Setup, token: str) -> None:
    world.cloudflare.zone("example.org")
    ran = setup("--cloudflare-token", token, "--skip", "github")
    assert ran.code == 2
    assert "try: deployhost setup --cloudflare-token FILE --zone example.com" in ran.err
    assert setup("--cloudflare-token", token, "--skip", "github", "--zone", "example.org").code == 0


def test_another_organization_is_connected_beside_the_first(world: World, setup: Setup) -> None:
    for org in ("acme", "umbrella", "acme"):
        assert setup("--skip", "cloudflare", "--org", org).code == 0
    assert world.owners == ["acme", "umbrella"]


def test_two_personal_accounts_are_kept_right(world: World, setup: Setup) -> None:
    for number, owner in enumerate(("octo", "hub"), 1):
        save(world.paths, connection(owner, number))
        world.github.add_app(connection(owner, number))
    ran = setup("--local")
    assert (ran.code, ran.err) == (0, "")
    assert {"octo is connected", "hub is connected"} <= {line[2:].partition(";")[0] for line in ran.out.splitlines()}


def test_local_asks_nothing_and_keeps_what_is_connected_right(world: World, setup: Setup, token: str) -> None:
    assert setup("--local", typed="").err == ""
    assert (world.cloudflare.calls, world.github.calls_made) == ([], [])
    setup("--cloudflare-token", token, "--org", "acme")
    (app,) = world.github.apps.values()
    right, app.hook = app.hook, HookConfig("https://elsewhere.example.com/webhook/1", "form", has_secret=False)
    ran = setup("--local", typed="")
    assert (ran.code, ran.err) == (0, "")
    assert app.hook == right
    app.installed = False
    ran = setup("--local")
    assert ran.code == 0, "a person is needed, and nobody is waited for"
    assert "have the App installed" in ran.out
    ran = setup()
    assert ran.code == 2, "it is missing"
    assert "try: deployhost connect github --org acme" in ran.err
    app.installed = True
    assert setup().code == 0


def test_local_warns_of_what_can_not_be_kept_right(world: World, setup: Setup, token: str) -> None:
    setup("--cloudflare-token", token, "--org", "acme")
    world.github.fail("app", ProviderUnavailable("GitHub can't be reached"))
    ran = setup("--local")
    assert ran.code == 0
    assert "warning: GitHub can't be reached" in ran.err
    world.github.fail("app", AccessRefused("the App was deleted", hint="deployhost disconnect github acme"))
    assert setup().code == 5


def test_a_connected_cloudflare_that_is_away_fails_no_set_up(world: World, setup: Setup, token: str) -> None:
    setup("--cloudflare-token", token, "--org", "acme")

    def away(_name: str) -> None:
        raise ProviderUnavailable("Cloudflare did not answer in time")

    world.cloudflare.fault = away
    for arguments in ((), ("--local",), ("--skip", "cloudflare")):
        ran = setup(*arguments)
        assert (ran.code, ran.err) == (0, "")
        assert "what is at Cloudflare could not be checked: Cloudflare did not answer in time" in ran.out
    assert setup("--local", "--json").json["cloudflare"]["notes"]


def test_local_moves_the_tunnel_to_another_port(world: World, setup: Setup, token: str) -> None:
    setup("--cloudflare-token", token, "--org", "acme")
    (tunnel,) = world.cloudflare.live_tunnels()
    assert setup("--local", "--http-port", "8080").code == 0
    assert tunnel.rules[-1].service == "http://127.0.0.1:8080"


def test_local_warns_of_a_damaged_connection(world: World, setup: Setup) -> None:
    setup("--skip", "cloudflare", "--org", "acme")
    (file,) = world.paths.connections.glob("github-*")
    file.write_text("{")
    ran = setup("--local")
    assert ran.code == 0
    assert f"warning: {file} is damaged" in ran.err
    assert setup("--skip", "cloudflare").code == 2


def test_kamal_alone_asks_nothing(world: World, setup: Setup, token: str) -> None:
    assert setup("--kamal").code == 0
    assert world.ran[-1].kamal
    assert world.cloudflare.calls == []
    assert setup("--kamal", "--cloudflare-token", token, "--skip", "github").code == 0
    assert cloudflare.load(world.paths) is not None


def test_a_dry_run_changes_nothing(world: World, setup: Setup, token: str) -> None:
    ran = setup("--dry-run", typed="")
    assert (ran.code, ran.err) == (0, "")
    assert "Cloudflare is not connected" in ran.out
    assert "GitHub is not connected" in ran.out
    ran = setup("--dry-run", "--cloudflare-token", token, "--org", "acme")
    assert ran.code == 0
    assert "would create the tunnel deployhost-" in ran.out
    assert "would make a private GitHub App that belongs to the organization acme" in ran.out
    result = setup("--dry-run", "--cloudflare-token", token, "--skip", "github", "--json").json
    assert result["changed"] is False
    assert result["cloudflare"]["dry_run"] is True
    assert world.cloudflare.all_tunnels == {}
    assert list(world.root.iterdir()) == []


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_ctrl_c_at_a_question(world: World, setup: Setup, lines: int) -> None:
    ran = setup(typed=Interrupting(f"y\n{TOKEN}\n", lines))
    assert ran.code == 130
    assert "interrupted: " in ran.err
    assert "try: deployhost setup" in ran.err
    assert (cloudflare.load(world.paths) is not None) == (lines == 2)
    rest = "y\n\n" if lines == 2 else f"y\n{TOKEN}\ny\n\n"
    assert setup(typed=rest).code == 0
    assert world.owners == ["octo"]
    assert len(world.cloudflare.all_tunnels) == 1


def test_ctrl_c_while_a_browser_is_waited_for(world: World, setup: Setup, token: str) -> None:
    world.browser = False
    ran = setup("--cloudflare-token", token, "--org", "acme")
    assert ran.code == 130
    assert "try: deployhost connect github --org acme" in ran.err
    world.browser = True
    assert setup("--org", "acme").code == 0
    assert world.owners == ["acme"]


@pytest.mark.parametrize("part", ["cloudflare", "github"])
def test_a_set_up_that_was_killed_between_the_parts_is_continued(
    world: World, setup: Setup, token: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> NoReturn:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(setup_accounts.Accounts, part, killed)
        with pytest.raises(Killed):
            setup("--cloudflare-token", token, "--org", "acme")
    assert (cloudflare.load(world.paths) is not None) == (part == "github")
    ran = setup(*(() if part == "github" else ("--cloudflare-token", token)), "--org", "acme")
    assert ran.code == 0
    assert world.owners == ["acme"]
    assert len(world.cloudflare.all_tunnels) == 1
