"""Tab completion in the shells themselves."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deployhost.cli import completion
from tests.fakes.command import Run


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(run: Run, shell: str, tmp_path: Path) -> None:
    ran = run("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert "complete_bash" in ran.out
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(ran.out)
        subprocess.run([shell, "-n", str(script)], check=True, timeout=10)


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
