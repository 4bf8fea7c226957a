"""`add OWNER/REPO` on a terminal and without one: what is asked for, what is waited for."""

import io
import time
from pathlib import Path
from typing import Any

import pytest

from deployhost.cli import add_source
from deployhost.cli.session import Session
from deployhost.control.results import SourceAppAdded
from deployhost.errors import ConsentNeeded, Interrupted, RemoteError, RepositoryNotVisible
from deployhost.paths import Paths
from tests.fakes.command import Run
from tests.fakes.control import FakeControl
from tests.fakes.views import app_view, deploy_view

ADDED: SourceAppAdded = {
    "app": "hello",
    "view": app_view(source="acme/shop"),
    "notes": [],
    "deploy": deploy_view(),
}
INVISIBLE = RepositoryNotVisible("there is no repository acme/shop", details=("choose: https://github.com/x",))
ASKED = ConsentNeeded(
    "hello is pushed to", hint="deployhost add acme/shop --name hello --yes", details=("its data stays",)
)


def terminal(root: Path, answer: str = "") -> Session:
    return Session(Paths(root), io.StringIO(answer), io.StringIO(), io.StringIO(), interactive=True)


def question(session: Session, env_file: str | None = None) -> Any:
    return add_source.question(session, "acme/shop", name=None, branch=None, domains=(), env_file=env_file, deploy=True)


def said(session: Session) -> str:
    assert isinstance(session.stderr, io.StringIO)
    return session.stderr.getvalue()


def test_variables_of_a_file_are_on_no_command_line(control: FakeControl, run: Run, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A='1'\nB=hunter2\n")
    for _ in range(2):
        control.on("app.add_source", ADDED)
    ran = run("add", "acme/shop", "--env-file", str(file))
    assert ran.code == 0
    assert run("add", "acme/shop", "--env-file", "-", stdin="C=3\n").code == 0
    assert [request["variables"] for request in control.requests] == [{"A": "1", "B": "hunter2"}, {"C": "3"}]
    assert "hunter2" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["acme/shop", "--env-file", "/no/such/file"], 3, "there is no file /no/such/file"),
        (["acme/shop/x"], 2, "'acme/shop/x' is not a GitHub repository"),
        (["shop", "--name", "x"], 2, "--name, --env-file and --no-deploy are for OWNER/REPO"),
        (["shop", "--no-deploy"], 2, "are for OWNER/REPO"),
    ],
)
def test_mistakes_never_reach_the_daemon(
    control: FakeControl, run: Run, arguments: list[str], code: int, says: str
) -> None:
    ran = run("add", *arguments)
    assert ran.code == code
    assert says in ran.err
    assert control.requests == []


@pytest.mark.parametrize(("error", "code"), [(INVISIBLE, 3), (ASKED, 4)])
def test_without_a_terminal_it_ends(
    control: FakeControl, run: Run, error: RepositoryNotVisible | ConsentNeeded, code: int
) -> None:
    control.on("app.add_source", error)
    ran = run("add", "acme/shop")
    assert ran.code == code
    assert error.message in ran.err
    assert error.details[0] in ran.err


def test_a_deploy_that_failed(control: FakeControl, run: Run) -> None:
    control.on("app.add_source", {**ADDED, "deploy": deploy_view("failed")})
    assert run("add", "acme/shop").code == 1


@pytest.mark.parametrize(("answer", "goes_on"), [("y\n", True), ("\n", False)])
def test_on_a_terminal_it_asks(control: FakeControl, root: Path, answer: str, goes_on: bool) -> None:
    session = terminal(root, answer)
    control.on("app.add_source", ASKED)
    if goes_on:
        control.on("app.add_source", ADDED)
        add_source.add(session, question(session), agreed=False)
        assert control.requests[-1]["agreed"] is True
    else:
        with pytest.raises(RemoteError):
            add_source.add(session, question(session), agreed=False)
    assert "hello is pushed to\n  its data stays\nGo on? [y/N]" in said(session)


def test_on_a_terminal_it_waits_for_the_app_to_see_it(
    control: FakeControl, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    session = terminal(root)
    for _ in range(2):
        control.on("app.add_source", INVISIBLE)
    control.on("app.add_source", ADDED)
    add_source.add(session, question(session), agreed=False)
    assert slept == [add_source.EVERY] * 2
    assert said(session).count("choose: https://github.com/x") == 1, "it is said once"

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    control.on("app.add_source", INVISIBLE)
    with pytest.raises(Interrupted):
        add_source.add(session, question(session), agreed=False)
