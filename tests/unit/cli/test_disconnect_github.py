"""disconnect github: asked, or --yes."""

import os
import sys
from pathlib import Path

import pytest

from deployhost.cli import session
from deployhost.cli.session import Session
from deployhost.github import api
from deployhost.github.connection import load_all, save
from deployhost.paths import Paths
from tests.fakes.command import Run
from tests.fakes.github import FakeGitHub, connection


@pytest.fixture
def paths(root: Path) -> Paths:
    paths = Paths(root)
    save(paths, connection())
    return paths


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> FakeGitHub:
    made = FakeGitHub()
    made.add_app(connection())
    monkeypatch.setattr(api, "GitHubClient", lambda: made)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


def test_yes(run: Run, paths: Paths, github: FakeGitHub) -> None:
    shown = run("disconnect", "github", "--yes")
    assert shown.code == 0
    assert shown.out == (
        "✓ uninstall the App deployhost-1 from octo\n✓ delete the App's key\n"
        "  only octo can delete the App itself: https://github.com/settings/apps/deployhost-1/advanced\n"
    )
    assert load_all(paths) == ()
    assert not github.apps[2001].installed


def test_json(run: Run, paths: Paths, github: FakeGitHub) -> None:
    document = run("disconnect", "github", "octo", "--yes", "--json").json
    assert document["app"] == "deployhost-1"
    assert document["notes"][-1].endswith("/advanced")
    missing = run("disconnect", "github", "octo", "--yes", "--json")
    assert missing.code == 3
    assert missing.json["error"]["hint"] == "deployhost connect github"


def test_a_dry_run_changes_nothing(run: Run, paths: Paths, github: FakeGitHub) -> None:
    shown = run("disconnect", "github", "--dry-run")
    assert shown.out.startswith("- uninstall the App deployhost-1 from octo\n")
    document = run("disconnect", "github", "--dry-run", "--json").json
    assert [step["step"] for step in document["steps"]] == ["uninstall_app", "delete_connection"]
    assert document["changed"] is False
    assert github.calls_made == []
    assert len(load_all(paths)) == 1


def test_without_a_terminal_it_is_not_asked(run: Run, paths: Paths, github: FakeGitHub) -> None:
    shown = run("disconnect", "github", "octo")
    assert shown.code == 2
    assert "try: deployhost disconnect github octo --yes" in shown.err
    assert len(load_all(paths)) == 1
    assert github.calls_made == []


@pytest.mark.parametrize("answer", ["n\n", "y\n"])
def test_asked(run: Run, paths: Paths, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("deployhost.cli.main._session", interactive(paths))
    shown = run("disconnect", "github", stdin=answer)
    assert "- uninstall the App deployhost-1 from octo\n" in shown.out
    assert "Disconnect octo? [y/N]" in shown.err
    assert (shown.code, len(load_all(paths))) == ((0, 0) if answer == "y\n" else (1, 1))


def interactive(paths: Paths) -> object:
    return lambda _environment: Session(paths, sys.stdin, sys.stdout, sys.stderr, interactive=True)


def test_only_root(run: Run, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    shown = run("disconnect", "github", "octo", "--yes", "--json")
    assert shown.json["error"]["hint"] == "sudo deployhost disconnect github octo"


def test_the_daemon_ends_what_is_pending_first(
    run: Run, paths: Paths, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, object]] = []

    def call(_path: str, op: str, _on_event: object = None, **arguments: object) -> dict[str, object]:
        assert github.apps[2001].installed, "nobody can once it is uninstalled"
        asked.append((op, arguments["connection"]))
        return {"notes": ["GitHub shows the commit 0123456 of shop as pending: it does not answer"]}

    monkeypatch.setattr(session, "call", call)
    shown = run("disconnect", "github", "--yes")
    assert asked == [("github.leave", connection().id)]
    assert "GitHub shows the commit 0123456 of shop as pending: it does not answer" in shown.out
    assert not github.apps[2001].installed
