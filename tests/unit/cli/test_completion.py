"""Tab completion, as the shells ask for it."""

import pytest

from deployhost.cli import completion, main
from deployhost.control.results import AppsFound, DomainsFound, EnvFound, RefsFound, ReleasesFound, StatusFound
from deployhost.errors import AppNotFound
from tests.fakes.command import Ran, Run
from tests.fakes.control import FakeControl
from tests.fakes.views import app_view, process_view, release_view, server_view

APPS = AppsFound(apps=[app_view(name=name) for name in ("hello", "help-desk", "shop")], problem=None)


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
    control.on(
        "env.list",
        EnvFound(
            app="hello", env=[{"name": name, "value": None, "updated_at": ""} for name in ("LOG", "LEVEL", "KEY")]
        ),
    )
    control.on(
        "domains.list", DomainsFound(app="hello", url="http://hello.localhost", domains=["a.de", "b.de"], records=[])
    )
    assert words(run, monkeypatch, "deploy", "hel") == ["hello", "help-desk"]
    assert words(run, monkeypatch, "status", "") == ["hello", "help-desk", "shop"]
    assert words(run, monkeypatch, "env", "unset", "hello", "L") == ["LOG", "LEVEL"]
    assert words(run, monkeypatch, "domains", "remove", "hello", "") == ["a.de", "b.de"]
    assert [request.get("name") for request in control.requests] == [None, None, "hello", "hello"]
    assert not any("reveal" in request for request in control.requests)


def test_releases_references_and_processes(control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    version = "abcdef0123456789abcdef0123456789abcdef01"
    releases = [
        release_view(version=version + "-2", live=True),
        release_view(version=version),
        release_view(version=version[::-1], image_available=False),
    ]
    control.on("releases.list", ReleasesFound(app="hello", releases=releases))
    control.on("refs.list", RefsFound(refs=["main", "v1", "v2"]))
    control.on(
        "app.status",
        StatusFound(
            server=server_view(), apps=[app_view(processes=[process_view("web"), process_view("worker")])], problem=None
        ),
    )
    assert words(run, monkeypatch, "rollback", "hello", "") == ["abcdef0"]
    assert words(run, monkeypatch, "deploy", "hello", "v") == ["v1", "v2"]
    assert words(run, monkeypatch, "logs", "hello", "--process", "wo") == ["worker"]


def test_names_that_a_shell_would_run_are_quoted(
    control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = ["v1$(reboot)", "v2;id", "v3\u202e", "v4\x9b2J", "--rebuild", "v5"]
    control.on("refs.list", RefsFound(refs=refs))
    control.on("refs.list", RefsFound(refs=refs))
    assert words(run, monkeypatch, "deploy", "hello", "v") == ["v1\\$\\(reboot\\)", "v2\\;id", "v5"]
    monkeypatch.setenv(completion.UNQUOTED, "1")  # zsh and fish quote by themselves
    assert words(run, monkeypatch, "deploy", "hello", "v") == ["v1$(reboot)", "v2;id", "v5"]


@pytest.mark.parametrize(
    "protocol", ["complete_zsh", "complete_fish", "complete_powershell", "source_bash", "zsh_source", "", "1"]
)
def test_no_other_protocol_is_spoken(run: Run, monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    """What typer says in that of zsh is evaluated, and its script for bash inserts words as they are."""
    monkeypatch.setenv(completion.VARIABLE, protocol)
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "deployhost deploy ")
    monkeypatch.setenv("COMP_WORDS", "deployhost deploy ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run() == Ran(0, "", "")


def test_where_nothing_can_be_had_nothing_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert words(run, monkeypatch, "deploy", "") == []
    assert words(run, monkeypatch, "env", "unset", "../BAD NAME", "") == []


def test_errors_are_silent_too(control: FakeControl, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    control.on("env.list", AppNotFound("no"))
    assert words(run, monkeypatch, "env", "unset", "hello", "") == []


def test_another_shell(run: Run) -> None:
    ran = run("completion", "tcsh")
    assert (ran.code, ran.out) == (2, "")


def test_verbs_that_take_files() -> None:
    assert set(completion.TAKE_FILES.split()) < {verb for verbs in main.MODULES.values() for verb in verbs}
    for shell in ("bash", "fish"):
        assert completion.TAKE_FILES in completion.script(shell)
