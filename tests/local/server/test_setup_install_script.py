"""install.sh as far as it goes without touching the machine: it is POSIX shell, and says what it wants."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "install.sh"


def sh(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["sh", *arguments], capture_output=True, text=True, timeout=10, check=False)


def test_it_is_posix_shell_and_can_be_started() -> None:
    assert sh("-n", str(SCRIPT)).returncode == 0
    assert SCRIPT.stat().st_mode & 0o111
    assert SCRIPT.read_text().startswith("#!/bin/sh\n")


def test_help_names_what_it_takes() -> None:
    done = sh(str(SCRIPT), "--local", "--help")
    assert done.returncode == 0
    for option in ("--local", "--demo", "--wheel", "--uninstall", "--purge", "--http-port", "--proxy-image", "--yes"):
        assert option in done.stdout
    for option in ("--cloudflare-token", "--zone", "--org", "--github-url", "--skip"):
        assert option in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--local", "--wheel"], "--wheel needs a file"),
        (["--wheel", "a.whl", "b.whl", "--local"], "b.whl is another"),
    ],
)
def test_a_wrong_command_line_is_refused_with_one_to_try(arguments: list[str], said: str) -> None:
    done = sh(str(SCRIPT), *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "try: ./install.sh --wheel" in done.stderr


def test_nobody_else_can_hold_the_lock_of_an_installation(tmp_path: Path) -> None:
    """A local account that can open the file could lock it for ever; what it locked of an earlier version is no matter."""
    script = SCRIPT.read_text()
    taking = script[script.index("(umask 077") : script.index("flock -n 9")]
    (tmp_path / ".lock").touch(0o644)
    done = sh("-ec", f"umask 022\nHOME_DIR={tmp_path}\n{taking}flock -n 9\nls -l {tmp_path}/.install.lock")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("-rw------- ")
    assert [path.name for path in tmp_path.iterdir()] == [".install.lock"]
