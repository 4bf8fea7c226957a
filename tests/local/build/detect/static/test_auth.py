"""The script that looks for a build's output: it fails a build that leaves a Staticfile.auth."""

import os
import subprocess
from pathlib import Path

import pytest

from deployhost.build.directory import load_templates

TEMPLATES = load_templates()


@pytest.mark.parametrize(("protected", "code"), [("no", 1), ("yes", 0)])
def test_a_build_that_leaves_logins_which_nobody_checked_fails(tmp_path: Path, protected: str, code: int) -> None:
    out = tmp_path / "app/dist"
    out.mkdir(parents=True)
    (tmp_path / "began").touch()
    os.utime(tmp_path / "began", (1_000, 1_000))
    for name in ("index.html", "Staticfile", "Staticfile.auth"):
        (out / name).write_text("")
    script = TEMPLATES["find-output.sh"].replace("/tmp/build-began", str(tmp_path / "began"))
    script = script.replace("cd /app", f"cd {tmp_path}/app").replace("/out", str(tmp_path / "out"))
    done = subprocess.run(
        ["/bin/sh", "-c", script, "find-output", "dist"],
        env={"FALLBACK": "no", "PROTECTED": protected, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == code
    assert (code == 0) or "put Staticfile.auth at the root of the repository" in done.stderr
    assert (code == 1) or [one.name for one in (tmp_path / "out/www").iterdir()] == ["index.html"]
