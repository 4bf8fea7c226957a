"""The verb kamal, with a script in the place of Kamal's command and a scripted daemon."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from deployhost.cli import setup
from deployhost.cli.session import Session
from deployhost.errors import AppNotFound, KamalUnavailable, SetupFailed
from deployhost.kamal import cli, installation
from deployhost.model import AppName
from deployhost.paths import Paths
from tests.fakes.command import Run
from tests.fakes.control import FakeControl

VERSION = "a" * 40


@pytest.fixture
def paths(root: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    paths = Paths(root)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(installation, "check", lambda _paths, _port: None)
    (root / "project").mkdir()
    return paths


def bring(paths: Paths) -> None:
    """Put a script in the place of Kamal's command, which notes its arguments and ends with 4 if they are "fail"."""
    paths.bin.mkdir(parents=True, exist_ok=True)
    paths.ssh.mkdir(parents=True, exist_ok=True)
    paths.ssh_key.write_text("key")
    text = f"#!{sys.executable}\nimport sys, os\nopen('args', 'a').write(repr((sys.argv[1:], os.environ['VERSION'])))\n"
    paths.kamal_program.write_text(text + "sys.exit(4 if sys.argv[1:] == ['fail'] else 0)\n")
    paths.kamal_program.chmod(0o755)


def project(paths: Paths, *warnings: str) -> dict[str, Any]:
    return {"directory": str(paths.root / "project"), "version": VERSION, "warnings": list(warnings)}


@pytest.mark.parametrize(
    ("arguments", "given", "verb"),
    [
        (["--", "app", "details"], ["app", "details"], []),
        (["app", "logs", "-f", "--lines", "5"], ["app", "logs", "-f", "--lines", "5"], []),
        (["--", "deploy"], ["deploy"], ["deploy"]),
        (["--", "app", "exec", "--", "ls", "--json"], ["app", "exec", "--", "ls", "--json"], []),
        ([], ["help"], []),
    ],
)
def test_all_that_follows_the_name_is_kamals(
    run: Run, control: FakeControl, paths: Paths, arguments: list[str], given: list[str], verb: list[str]
) -> None:
    bring(paths)
    control.on("kamal.prepare", project(paths))
    control.on("app.converge", {})
    ran = run("kamal", "shop", *arguments)
    assert (ran.code, ran.err) == (0, "")
    assert (paths.root / "project/args").read_text() == repr((given, VERSION))
    assert control.requests[0] == {"op": "kamal.prepare", "name": "shop", "arguments": verb}
    assert control.requests[1] == {"op": "app.converge", "name": "shop"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [(["fail"], 4, ""), (["app", "stop"], 0, ""), (["app", "boot"], 0, "note: Kamal knows no handover\n")],
)
def test_the_exit_code_is_kamals_and_what_it_can_not_do_is_said_to_who_deploys(
    run: Run, control: FakeControl, paths: Paths, arguments: list[str], code: int, said: str
) -> None:
    bring(paths)
    control.on("kamal.prepare", project(paths, "Kamal knows no handover"))
    control.on("app.converge", {})
    ran = run("kamal", "shop", "--", *arguments)
    assert (ran.code, ran.err) == (code, said)


def test_what_kamal_did_counts_whatever_the_daemon_says(run: Run, control: FakeControl, paths: Paths) -> None:
    bring(paths)
    control.on("kamal.prepare", project(paths))
    control.on("app.converge", AppNotFound("there is no app shop"))
    ran = run("kamal", "shop", "--", "app", "stop")
    said = "note: what Kamal did to shop is not recorded yet: there is no app shop\n"
    assert (ran.code, ran.err) == (0, said)


def test_the_first_use_brings_it(run: Run, control: FakeControl, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    def set_up(session: Session) -> None:
        assert session.paths == paths
        bring(paths)

    monkeypatch.setattr(setup, "bring_kamal", set_up)
    control.on("kamal.prepare", project(paths))
    control.on("app.converge", {})
    ran = run("kamal", "shop", "--", "version")
    assert ran.code == 0
    assert ran.err == "Kamal is not installed on this server yet: installing it and what it needs\n"
    assert (paths.root / "project/args").exists()


def test_without_buildx_what_builds_nothing_works(
    run: Run, control: FakeControl, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_up(_session: Session) -> None:
        bring(paths)
        raise SetupFailed("the buildx plugin can't be had")

    monkeypatch.setattr(setup, "bring_kamal", set_up)
    control.on("kamal.prepare", project(paths))
    control.on("app.converge", {})
    ran = run("kamal", "shop", "--", "version")
    assert ran.code == 0
    assert "note: the buildx plugin can't be had; commands that do not build work\n" in ran.err


def test_an_app_that_is_not_there_brings_nothing(run: Run, control: FakeControl, paths: Paths) -> None:
    control.on("kamal.prepare", AppNotFound("there is no app shop", hint="deployhost add shop"))
    ran = run("kamal", "shop", "--", "version")
    assert (ran.code, ran.err) == (3, "error: there is no app shop\ntry: deployhost add shop\n")
    assert not paths.kamal_program.exists()


def test_what_is_down_is_said_before_kamal_runs(
    run: Run, control: FakeControl, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_paths: Paths, port: int) -> None:
        raise KamalUnavailable(f"nothing on {port}", hint=installation.SETUP)

    bring(paths)
    monkeypatch.setattr(installation, "check", down)
    control.on("kamal.prepare", project(paths))
    ran = run("kamal", "shop", "--", "app", "stop")
    assert (ran.code, ran.err) == (5, "error: nothing on 822\ntry: deployhost setup --kamal\n")
    assert not (paths.root / "project/args").exists()


def test_it_takes_root(run: Run, paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not paths.kamal_program.exists()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ran = run("kamal", "shop", "--", "app", "details")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "try: sudo deployhost kamal shop -- app details")


def test_commands_that_build_an_app_run_one_after_the_other(
    run: Run, control: FakeControl, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that is chosen while another command has not been taken note of yet might be chosen twice."""
    bring(paths)
    control.on("kamal.prepare", project(paths))
    control.on("app.converge", {})
    monkeypatch.setattr(cli, "PATIENCE", 0.1)
    with cli.KamalCli(paths, print).building(AppName("shop")):
        ran = run("kamal", "shop", "--", "deploy")
        assert ran.code == 4
        assert ran.err.startswith("waiting for another Kamal command that builds shop\nerror: another process has held")
        assert not control.requests, "its version would be chosen by now"
    control.on("kamal.prepare", project(paths))
    control.on("app.converge", {})
    with cli.KamalCli(paths, print).building(AppName("shop")):
        assert run("kamal", "shop", "--", "app", "details").code == 0, "it builds nothing"
    ran = run("kamal", "shop", "--", "deploy")
    assert (ran.code, ran.err) == (0, "")
