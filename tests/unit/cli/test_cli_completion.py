"""Tab completion, as the shells ask for it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deployhost.cli import completion
from deployhost.errors import AppNotFound
from tests.fakes.control import FakeControl
from tests.unit.cli.conftest import Run

APPS = {"apps": [{"name": "hello"}, {"name": "help-desk"}, {"name": "shop"}]}


def words(run: Run, monkeypatch: pytest.MonkeyPatch, *typed: str) -> list[str]:
    monkeypatch.setenv(completion.VARIABLE, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "\n".join(("deployhost", *typed)))
    monkeypatch.setenv("COMP_CWORD", str(len(typed)))
    ran = run()
    assert (ran.code, ran.err) == (0, "")
    return ran.out.split()


def test_verbs_and_options(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words(run, monkeypatch, "re") == ["restart", "releases", "remove"]
    assert words(run, monkeypatch, "env", "") == ["set", "unset", "list", "import"]
    assert words(run, monkeypatch, "deploy", "--re") == ["--rebuild"]


def test_names_come_from_the_daemon(control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    control.on("app.list", APPS)
    control.on("app.list", APPS)
    control.on("env.list", {"env": [{"name": "LOG"}, {"name": "LEVEL"}, {"name": "KEY"}]})
    control.on("domains.list", {"domains": ["a.de", "b.de"]})
    assert words(run, monkeypatch, "deploy", "hel") == ["hello", "help-desk"]
    assert words(run, monkeypatch, "status", "") == ["hello", "help-desk", "shop"]
    assert words(run, monkeypatch, "env", "unset", "hello", "L") == ["LOG", "LEVEL"]
    assert words(run, monkeypatch, "domains", "remove", "hello", "") == ["a.de", "b.de"]
    assert [request.get("name") for request in control.requests] == [None, None, "hello", "hello"]
    assert not any("reveal" in request for request in control.requests)


def test_releases_references_and_processes(control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    version = "abcdef0123456789abcdef0123456789abcdef01"
    releases = [
        {"version": version + "-2", "live": True, "image_available": True},
        {"version": version, "live": False, "image_available": True},
        {"version": version[::-1], "live": False, "image_available": False},
    ]
    control.on("releases.list", {"releases": releases})
    control.on("refs.list", {"refs": ["main", "v1", "v2"]})
    control.on("app.status", {"apps": [{"processes": [{"name": "web"}, {"name": "worker"}]}]})
    assert words(run, monkeypatch, "rollback", "hello", "") == ["abcdef0"]
    assert words(run, monkeypatch, "deploy", "hello", "v") == ["v1", "v2"]
    assert words(run, monkeypatch, "logs", "hello", "--process", "wo") == ["worker"]


def test_where_nothing_can_be_had_nothing_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words(run, monkeypatch, "deploy", "") == []
    assert words(run, monkeypatch, "env", "unset", "../BAD NAME", "") == []


def test_errors_are_silent_too(control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    control.on("env.list", AppNotFound("no"))
    assert words(run, monkeypatch, "env", "unset", "hello", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(run: Run, shell: str, tmp_path: Path) -> None:
    ran = run("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert "complete_bash" in ran.out
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(ran.out)
        subprocess.run([shell, "-n", str(script)], check=True, timeout=10)


def test_another_shell(run: Run) -> None:
    ran = run("completion", "tcsh")
    assert (ran.code, ran.out) == (2, "")


def test_the_script_of_bash_completes(tmp_path: Path) -> None:
    program = tmp_path / "deployhost"
    program.write_text('#!/bin/sh\necho "$_DEPLOYHOST_COMPLETE:$COMP_CWORD"\necho "$COMP_WORDS" | tail -n 1\n')
    program.chmod(0o755)
    script = (
        completion.script("bash")
        + 'compopt() { echo "$COMP_WORDS without files: $1 $2"; }\n'
        + 'COMP_WORDS=(deployhost env se); COMP_CWORD=2; _deployhost; echo "${COMPREPLY[*]}"\n'
        + "COMP_WORDS=(deployhost status nope); _deployhost\n"
    )
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=10
    )
    assert ran.stdout.splitlines() == ["complete_bash:2 se", "deployhost without files: +o default"]
