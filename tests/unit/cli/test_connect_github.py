"""connect github: its arguments, what it shows, and lines that are pasted."""

import contextlib
import io
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.cli.connect_github import PastedLines
from deployhost.errors import ProviderUnavailable
from deployhost.github import api
from deployhost.github.connection import save
from deployhost.paths import Paths
from tests.fakes.command import Run
from tests.fakes.github import FakeGitHub, connection


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> FakeGitHub:
    made = FakeGitHub()
    monkeypatch.setattr(api, "GitHubClient", lambda: made)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


@pytest.fixture
def paths(root: Path) -> Paths:
    return Paths(root)


def test_a_dry_run_changes_nothing(run: Run, github: FakeGitHub, root: Path) -> None:
    shown = run("connect", "github", "--org", "acme", "--dry-run")
    assert shown.code == 0
    assert "would make a private GitHub App that belongs to the organization acme\n" in shown.out
    document = run("connect", "github", "--dry-run", "--json").json
    assert [step["step"] for step in document["steps"]] == ["make_app", "await_installation"]
    assert github.calls_made == []
    assert list(root.iterdir()) == []


def test_connected_already(run: Run, github: FakeGitHub, paths: Paths) -> None:
    save(paths, connection())
    github.add_app(connection())
    shown = run("connect", "github")
    assert shown.code == 0
    assert shown.out.startswith("✓ octo is connected; nothing to do\n")
    document = run("connect", "github", "--json")
    assert document.json["owner"] == "octo"
    assert document.json["changed"] is False
    assert "PRIVATE KEY" not in document.out + document.err
    assert run("connect", "github", "--dry-run").out.endswith("✓ connected; nothing to do\n")


def test_what_only_the_owner_can_do(run: Run, github: FakeGitHub, paths: Paths) -> None:
    save(paths, connection())
    github.add_app(connection(), suspended=True)
    shown = run("connect", "github")
    assert shown.code == 0
    assert shown.out.startswith(
        "! octo is connected, and something is left to do at GitHub:\n  octo suspended the App: unsuspend it at https://github.com/"
    )
    assert run("connect", "github", "--json").json["suspended"] is True


def test_what_goes_wrong(run: Run, github: FakeGitHub, paths: Paths) -> None:
    save(paths, connection())
    github.fail("app", ProviderUnavailable("api.github.com did not answer within 10 s"))
    shown = run("connect", "github", "--json")
    assert shown.code == 5
    assert shown.json["error"]["code"] == "provider_unavailable"


def test_ctrl_c(run: Run, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deployhost.github.connect.ConnectGitHub.run", interrupt)
    shown = run("connect", "github", "--org", "acme")
    assert shown.code == 130
    assert "try: deployhost connect github --org acme" in shown.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--github-url", "http://git.example.com"), "is not the address of a GitHub Enterprise Server"),
        (("--org", "a/b"), "is not the name of an organization"),
        (("--port", "70000"), "70000"),
    ],
)
def test_arguments_that_are_wrong(run: Run, github: FakeGitHub, arguments: tuple[str, ...], said: str) -> None:
    shown = run("connect", "github", *arguments)
    assert shown.code == 2
    assert said in shown.err


def test_only_root(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    shown = run("connect", "github", "--github-url", "https://git.example.com", "--json")
    assert shown.code == 2
    assert shown.json["error"]["hint"] == "sudo deployhost connect github --github-url https://git.example.com"


def test_help_loads_nothing_of_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("deployhost.github")]:
        monkeypatch.delitem(sys.modules, module)
    run("connect", "github", "--help")
    assert not [name for name in sys.modules if name.startswith("deployhost.github")]


@pytest.fixture
def pipe() -> Iterator[tuple[PastedLines, int]]:
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as stream:
        yield PastedLines(stream), writing
    with contextlib.suppress(OSError):
        os.close(writing)


def test_lines_that_are_pasted(pipe: tuple[PastedLines, int]) -> None:
    wait, writing = pipe
    assert wait(0) is None
    os.write(writing, b"one\ntwo\r\nthr")
    assert [wait(5), wait(5), wait(0.01)] == ["one", "two\r", None]
    os.write(writing, b"ee\n\xff\n")
    assert [wait(5), wait(5)] == ["three", "\ufffd"]
    os.write(writing, b"x" * 9000)
    long = wait(5)
    assert long is not None
    assert len(long) >= 8192
    os.write(writing, b"\nlast, without a newline")
    os.close(writing)
    assert [wait(5), wait(5)][-1] == "last, without a newline"
    began = time.monotonic()
    assert [wait(0.1), wait(0.1)] == [None, None], "the input has ended"
    assert 0.2 <= time.monotonic() - began < 3


def test_an_input_that_is_none() -> None:
    began = time.monotonic()
    assert PastedLines(io.StringIO("x\n"))(0.1) is None
    assert time.monotonic() - began >= 0.1
