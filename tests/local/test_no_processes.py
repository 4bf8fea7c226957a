"""The audit hook of the unit tests: whatever starts a process fails its test, and only that one."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = """
import os, subprocess, threading

def swallow(start):
    try:
        start()
    except Exception:
        pass

def test_of_the_tools_door():
    from deployhost.system.process import run
    swallow(lambda: run(["true"], timeout=5))

def test_popen():
    swallow(lambda: subprocess.run(["true"]))

def test_in_a_thread():
    thread = threading.Thread(target=swallow, args=(lambda: subprocess.run(["true"]),))
    thread.start()
    thread.join()

def test_system():
    swallow(lambda: os.system("true"))

def test_spawned():
    swallow(lambda: os.posix_spawn("/bin/true", ["true"], {}))

def test_fork():
    def fork():
        if os.fork() == 0:
            os._exit(0)
    swallow(fork)

def test_exec():
    swallow(lambda: os.execv("/bin/true", ["true"]))

def test_nothing():
    pass
"""


def test_a_unit_test_that_starts_a_process_fails(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests/unit/conftest.py").read_text(encoding="utf-8"))
    (tmp_path / "test_starts.py").write_text(TESTS)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    ran = subprocess.run(
        [*argv, "--rootdir", str(ROOT), str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    failed = set(re.findall(r"^(?:ERROR|FAILED) \S+::(\w+)", ran.stdout, re.MULTILINE))
    assert failed == set(re.findall(r"^def (test_\w+)", TESTS, re.MULTILINE)) - {"test_nothing"}, ran.stdout


def test_nothing_is_refused_here() -> None:
    assert subprocess.run(["true"], check=False).returncode == 0
