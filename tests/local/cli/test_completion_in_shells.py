"""Tab and Enter in the shells themselves, over names that would run something if they were inserted as they are."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from deployhost.cli import completion

PATIENCE = 20.0  # seconds for a shell on a busy machine
TOUCH = "touch${IFS}owned"
NAMES = (
    f"a$({TOUCH})", f"b`{TOUCH}`", f"c;{TOUCH};", f"d'$({TOUCH})'", f'e"$({TOUCH})"', f"f&{TOUCH}&", f"g|{TOUCH}", "h!!", "i{x,y}", "k<owned>owned",
    f"l\u00e9$({TOUCH})", f"m\u4e2d'`{TOUCH}`", "n#x", "o$HOME", f"p\u0085$({TOUCH})", f"q\u202e$({TOUCH})", "r%s", "s=a@b+c",
)  # fmt: skip
# What a name may have that can't be seen is not offered.
OFFERED = [name for name in NAMES if name[0] not in "pq"]
# It answers from a table, at once: what the command itself would say was asked before.
PROGRAM = """#!{python} -IS
import json, os, sys
if "{variable}" not in os.environ:
    open({ran!r}, "a").write(json.dumps(sys.argv[1:]) + "\\n")
    print("-RAN" + "-")
else:
    typed = os.environ["COMP_WORDS"].split()[-1].lstrip("'\\"")
    print("\\n".join({unquoted!r}[typed] if "{alone}" in os.environ else {quoted!r}[typed]))
"""
STARTS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SETTINGS = {
    "bash": 'PS1=-READY""- PS2=-MORE""-; set -H; . ./script',
    "zsh": "autoload -U compinit; compinit -D; setopt BANG_HIST; . ./script; PS1=-READY''-",
    "fish": "function fish_prompt; echo -n -READY''-; end; source ./script",
}


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, shell: str, directory: Path) -> None:
        self._ours, theirs = pty.openpty()
        environment = {
            "PATH": f"{directory}:{os.environ['PATH']}", "HOME": str(directory), "TERM": "xterm", "LC_ALL": "C.UTF-8",
            "XDG_DATA_HOME": str(directory), "XDG_CONFIG_HOME": str(directory), "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
        }  # fmt: skip
        # The terminal is to be the one that controls the shell.
        argv = ["setsid", "--ctty", *STARTS[shell]]
        self._process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=directory, env=environment
        )
        os.close(theirs)

    def type(self, keys: str, *until: str) -> str:
        """Type, wait until the terminal shows one of these words, and return that."""
        os.write(self._ours, keys.encode())
        seen, deadline = b"", time.monotonic() + PATIENCE
        while not (shown := [word for word in until if word.encode() in seen]):
            left = deadline - time.monotonic()
            assert left > 0, f"{until} was not shown: {seen!r}"
            if select.select([self._ours], [], [], left)[0]:
                seen += os.read(self._ours, 65536)
        return shown[0]

    def end(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


@pytest.fixture(params=STARTS)
def shell(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Terminal, Path]]:
    """Return a shell with our completion in it, and its directory."""
    if not shutil.which(request.param):
        pytest.skip(f"there is no {request.param} here")
    program = tmp_path / "deployhost"
    ask = completion._begins_so(lambda _context: NAMES)
    quoted = {name[0]: ask(cast("Any", None), name[0]) for name in NAMES}
    monkeypatch.setenv(completion.UNQUOTED, "1")
    unquoted = {name[0]: ask(cast("Any", None), name[0]) for name in NAMES}
    text = PROGRAM.format(
        python=sys.executable,
        ran=str(tmp_path / "ran"),
        quoted=quoted,
        unquoted=unquoted,
        variable=completion.VARIABLE,
        alone=completion.UNQUOTED,
    )
    program.write_text(text)
    program.chmod(0o755)
    (tmp_path / "script").write_text(completion.script(request.param))
    terminal = Terminal(request.param, tmp_path)
    try:
        terminal.type(f"{SETTINGS[request.param]}\r", "-READY-")
        yield terminal, tmp_path
    finally:
        terminal.end()


def test_a_name_that_was_completed_is_that_name_and_runs_nothing(shell: tuple[Terminal, Path]) -> None:
    terminal, directory = shell
    for name in NAMES:
        terminal.type(f"deployhost deploy shop {name[0]}\t\r", "-RAN-")
    ran = [json.loads(line) for line in (directory / "ran").read_text().splitlines()]
    typed = [name if name in OFFERED else name[0] for name in NAMES]
    assert ran == [["deploy", "shop", name] for name in typed]
    assert not (directory / "owned").exists()


@pytest.mark.parametrize("quote", ["'", '"'])
@pytest.mark.parametrize("shell", ["bash"], indirect=True)  # the others quote by themselves, as fits
def test_nothing_runs_behind_a_quote_either(shell: tuple[Terminal, Path], quote: str) -> None:
    terminal, directory = shell
    for name in NAMES:
        shown = terminal.type(f"deployhost deploy shop {quote}{name[0]}\t\r", "-RAN-", "-MORE-")
        terminal.type("\x03\r" if shown == "-MORE-" else "\r", "-READY-")
    assert not (directory / "owned").exists()
