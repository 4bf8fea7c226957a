"""The command as a process: exit codes, interruptions, closed pipes, and how fast it starts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deployhost.cli import main
from deployhost.control.results import StatusFound
from tests.fakes.control import FakeControl
from tests.fakes.views import app_view, server_view

PROGRAM = [sys.executable, "-c", "import sys; from deployhost.cli.main import main; sys.exit(main())"]
HEAVY = ("rich", "docker", "jinja2", "ruamel", "httpx", "cryptography", "cloudflare", "sqlite3", "pygments", "asyncio")


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DEPLOYHOST_ROOT": str(root)}
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("arguments", "op", "said"),
    [
        (
            ["deploy", "hello"],
            "deploy.start",
            "interrupted: the deploy continues; deployhost status hello shows how it ends\n",
        ),
        (["logs", "hello", "-f"], "logs", ""),
    ],
)
def test_ctrl_c_while_following(control: FakeControl, root: Path, arguments: list[str], op: str, said: str) -> None:
    event = (
        {"event": "note", "text": "here"}
        if op != "logs"
        else {"event": "log", "line": "here", "stream": "stdout", "at": ""}
    )
    control.on(op, {}, event, hold=True)
    with start(root, *arguments) as process:
        assert process.stdout is not None
        assert "here" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, said)


def test_a_reader_that_leaves_is_no_error(control: FakeControl, root: Path) -> None:
    lines = [{"event": "log", "line": "x" * 1000, "stream": "stdout", "at": ""} for _ in range(200)]
    control.on("logs", {}, *lines)
    with start(root, "logs", "hello") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert (process.returncode, err) == (141, "")


@pytest.mark.parametrize("arguments", [["version"], ["version", "--json"]])
def test_a_full_disk_is_told(root: Path, arguments: list[str]) -> None:
    environment = {**os.environ, "DEPLOYHOST_ROOT": str(root)}
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            check=False,
        )
    assert (done.returncode, done.stderr) == (5, "error: the output can't be written: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams(root: Path, closed: str) -> None:
    environment = {**os.environ, "DEPLOYHOST_ROOT": str(root)}
    script = f'"$@" {closed}'
    argv = ["sh", "-c", script, "sh", *PROGRAM, "version"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("deployhost" in done.stdout) == (closed in ("2>&-", "<&-"))


def test_exit_codes_of_the_process(root: Path) -> None:
    with start(root, "status", "--json") as process:
        out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (5, "")
    assert '"daemon_unavailable"' in out


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--json"], ["env", "list", "--help"]])
def test_nothing_heavy_is_imported(root: Path, control: FakeControl, arguments: list[str]) -> None:
    if "--json" in arguments:
        control.on("app.status", StatusFound(server=server_view(), apps=[app_view()], problem=None))
    code = (
        "import sys\nfrom deployhost.cli.main import main\ncode = main(sys.argv[1:])\n"
        "print(' '.join(sys.modules), file=sys.stderr)\nsys.exit(code)"
    )
    environment = {**os.environ, "DEPLOYHOST_ROOT": str(root)}
    began = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    assert time.monotonic() - began < 5
    loaded = {name.partition(".")[0] for name in ran.stderr.split()}
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("module", ["deployhost.control.client", "deployhost.control.progress"])
def test_the_client_is_made_of_the_standard_library(module: str) -> None:
    code = f"import sys; sys.path.insert(0, {str(Path(main.__file__).parents[2])!r}); import {module}; print(' '.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert loaded - set(sys.stdlib_module_names) - {"__main__"} == {"deployhost"}
