"""A program gets a secret by a memory file: others can't read the first one, and what is not a file of ours is refused."""

import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployhost.system import start_with_secret
from deployhost.system.process import Completed, run

PYTHON = "/usr/bin/python3"  # which another user may run
SHOW = "import os, sys; print(os.getuid(), open(sys.argv[1]).read(), sys.argv[2])"


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="dh") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def start(folder: Path, *program: str, secret: str = "secret", ports: str = "20300-20320") -> Completed:
    options = ["--secret", str(folder / secret), "--note", str(folder / "run/note.json"), "--ports", ports]
    options += ["--watch", sys.executable]
    argv = [sys.executable, "-I", "-m", start_with_secret.__name__, *options, "--", *program]
    return run(argv, timeout=20, check=False, env={"PATH": os.environ["PATH"], "PYTHONPATH": ""})


def secret(folder: Path, text: str = "the-secret\n") -> Path:
    file = folder / "secret"
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_a_program_without_roots_rights_reads_it(folder: Path) -> None:
    secret(folder)
    drop = ["/usr/bin/setpriv", "--reuid=daemon", "--regid=daemon", "--clear-groups", "--no-new-privs"]
    done = start(folder, *(drop if os.getuid() == 0 else []), PYTHON, "-c", SHOW, "{secret}", "{port}")
    assert done.code == 0, done.stderr
    user, text, port = done.stdout.split()
    assert int(user) != 0
    assert text == "the-secret"
    note = json.loads((folder / "run/note.json").read_text())
    assert note["port"] == int(port)
    assert note["program"][-2:] == ["{secret}", "{port}"]
    assert "the-secret" not in json.dumps(note)
    assert note["file"] == start_with_secret.file_stamp(Path(sys.executable))


def test_nobody_can_change_it(folder: Path) -> None:
    secret(folder)
    write = "import sys\ntry: open(sys.argv[1], 'r+b', buffering=0).write(b'x'); print('written')\nexcept OSError as e: print('refused')"
    assert start(folder, PYTHON, "-c", write, "{secret}").stdout == "refused\n"


def test_a_port_that_somebody_has_is_left_out(folder: Path) -> None:
    secret(folder)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(folder, "echo", "{port}", ports=f"{port}-{port + 5}")
        assert port < int(done.stdout) <= port + 5
        done = start(folder, "echo", "{port}", ports=f"{port}-{port}")
    assert done.code == 1
    assert "no port of" in done.stderr


@pytest.mark.parametrize("what", ["missing", "empty", "link", "directory", "long"])
def test_what_is_no_secret_of_ours(folder: Path, what: str) -> None:
    file = secret(folder, {"empty": "\n", "long": "x" * 70_000}.get(what, "the-secret"))
    if what == "link":
        file.rename(folder / "elsewhere")
        file.symlink_to(folder / "elsewhere")
    if what in ("directory", "missing"):
        file.unlink()
    if what == "directory":
        file.mkdir()
    done = start(folder, "echo", "started")
    assert (done.code, done.stdout) == (1, "")
    assert "can't be started" in done.stderr
    assert "the-secret" not in done.stderr


def test_a_program_that_is_not_there(folder: Path) -> None:
    secret(folder)
    done = start(folder, "/nowhere/cloudflared")
    assert done.code == 1
    assert done.stderr == "/nowhere/cloudflared can't be started: [Errno 2] No such file or directory\n"
