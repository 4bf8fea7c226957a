"""What all verbs share: help, usage errors, questions, interruptions, defects, closed pipes, and how fast it starts."""

import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from deployhost.cli import apps, main, session
from deployhost.control.results import RemovalPlan
from deployhost.errors import AppNotFound
from deployhost.paths import Paths
from tests.fakes.command import Run
from tests.fakes.control import FakeControl


def verbs(only: str = "") -> Iterator[tuple[list[str], typer.core.TyperCommand]]:
    def walk(command: object, path: list[str]) -> Iterator[tuple[list[str], typer.core.TyperCommand]]:
        for name, below in getattr(command, "commands", {}).items():
            yield [*path, name], below
            yield from walk(below, [*path, name])

    yield from walk(typer.main.get_command(main.build(only)), [])


ALL = list(verbs())
LEAVES = [(path, command) for path, command in ALL if not hasattr(command, "commands") and path != ["completion"]]


def test_a_verb_loads_its_own_module_only() -> None:
    """… and means the same as beside all the others."""
    known = sorted(path[0] for path, _ in ALL if len(path) == 1 and path != ["completion"])
    assert sorted(verb for module in main.MODULES.values() for verb in module) == known
    for module in main.MODULES.values():
        for verb in module:
            alone = {" ".join(path): command.help for path, command in verbs(verb)}
            together = {" ".join(path): command.help for path, command in ALL if path[0] in module}
            assert alone == together


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_verb_has_help_in_words(run: Run, path: list[str], command: typer.core.TyperCommand) -> None:
    for flag in ("--help", "-h"):
        ran = run(*path, flag)
        assert (ran.code, ran.err) == (0, "")
        assert f"Usage: deployhost {' '.join(path)}" in ran.out
    assert len((command.help or "").split()) > 3
    assert all(line == line.rstrip() for line in ran.out.splitlines())


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_verb_has_json_and_an_example_that_parses(path: list[str], command: typer.core.TyperCommand) -> None:
    # What `deployhost kamal` prints is Kamal's.
    assert path == ["kamal"] or any("--json" in parameter.opts for parameter in command.params)
    example = re.search(r"Example: deployhost (.*)", command.help or "")
    assert example is not None
    words = example[1].split()
    assert words[: len(path)] == path
    command.make_context("x", words[len(path) :], resilient_parsing=False)


def test_no_arguments_is_help(run: Run) -> None:
    ran = run()
    assert ran.code == 0
    assert "push-to-deploy" in ran.out


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["deply"], "No such command 'deply'. Did you mean 'deploy'?", "deployhost --help"),
        (["env"], "Missing command.", "deployhost env --help"),
        (["deploy"], "Missing argument 'NAME'.", "deployhost deploy --help"),
        (["deploy", "hello", "--rebild"], "No such option: --rebild", "deployhost deploy --help"),
        (["logs", "hello", "-n", "many"], "Invalid value for '--lines'", "deployhost logs --help"),
        (["logs", "hello", "-n", "-1"], "Invalid value for '--lines'", "deployhost logs --help"),
        (["logs", "hello", "--deploy"], "requires an argument", "deployhost logs --help"),
        (["env", "set", "hello", "--file"], "requires an argument", "deployhost env set --help"),
        (["list", "more"], "Got unexpected extra argument", "deployhost list --help"),
    ],
)
def test_usage_errors(run: Run, arguments: list[str], message: str, hint: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert f"try: {hint}" in ran.err
    error = run(*arguments, "--json").json["error"]
    assert (error["code"], error["exit_code"]) == ("invalid_request", 2)


def test_json_behind_two_dashes_is_a_word(run: Run) -> None:
    assert run("deploy", "--", "--json").err.startswith("error: '--json' is not a valid app name")


def test_a_defect_leaves_its_traceback_in_a_log(run: Run, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(apps, "session_of", broken)
    log = Paths(root).logs / "cli-errors.log"
    log.parent.mkdir(parents=True)
    ran = run("list")
    assert (ran.code, ran.out) == (70, "")
    assert ran.err == f"error: a defect of deployhost: ZeroDivisionError; {log} has the details\ntry: tail {log}\n"
    assert "ZeroDivisionError: oops" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert run("list", "--json").json["error"]["code"] == "internal"
    assert log.read_text().count("Error: oops") == 2


def test_a_defect_where_the_log_can_not_be_written(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(apps, "session_of", broken)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    fallback = tmp_path / f"deployhost-{os.getuid()}-cli-errors.log"
    assert str(fallback) in run("list").err
    assert "oops" in fallback.read_text()
    fallback.unlink()
    fallback.symlink_to(tmp_path / "elsewhere")
    assert "ZeroDivisionError('oops')" in run("list").err
    assert not (tmp_path / "elsewhere").exists()


PLAN = RemovalPlan(
    app="hello", steps=[{"step": "X", "what": "delete the image", "why": "unused"}], notes=[], applied=False
)


def test_remove_asks_nobody_where_there_is_nobody(control: FakeControl, run: Run) -> None:
    control.on("app.remove", PLAN)
    control.on("app.remove", PLAN)
    ran = run("remove", "hello", "--storage")
    assert (ran.code, ran.out) == (2, "")
    assert "try: deployhost remove hello --storage --yes" in ran.err
    assert run("remove", "hello", "--json").json["error"]["code"] == "invalid_request"
    assert [request["dry_run"] for request in control.requests] == [True, True]


def test_remove_says_that_there_is_no_such_app_before_it_wants_a_yes(control: FakeControl, run: Run) -> None:
    control.on("app.remove", AppNotFound("there is no app hello", hint="deployhost add hello"))
    ran = run("remove", "hello")
    assert (ran.code, ran.err) == (3, "error: there is no app hello\ntry: deployhost add hello\n")


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("YES\n", 0), ("\n", 1), ("n\n", 1), ("", 1), ("hello\n", 1)])
def test_remove_asks_on_a_terminal_after_saying_what_goes(
    control: FakeControl, root: Path, answer: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = session.Session(Paths(root), io.StringIO(answer), out, err, interactive=True)
    monkeypatch.setattr(main, "_session", lambda _: terminal)
    control.on("app.remove", PLAN)
    if code == 0:
        control.on("app.remove", {**PLAN, "applied": True})
    assert main.main(["remove", "hello"]) == code
    assert "hello would be removed:\n  - delete the image: unused\n" in out.getvalue()
    assert "Remove hello? [y/N] " in err.getvalue()
    assert [request["dry_run"] for request in control.requests] == [True, False][: 2 - code]
