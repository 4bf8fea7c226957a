"""A process that plans, and does what a hostile repository could make it do."""

import sys
from pathlib import Path

from deployhost.system.answering_process import AnsweringProcess

ROOT = Path(__file__).resolve().parents[2]


# The process as it is, but that a directory's name says what becomes of it.
HOSTILE = """
import os, sys, time
sys.path.append({root!r})
from deployhost.build import planning_process
real = planning_process.plan_directory
def hostile(directory, *args, **more):
    if directory.name == "sleeps":
        time.sleep(60)
    if directory.name == "freezes":
        import re
        re.match(r"(a*)*b", "a" * 40)
    if directory.name == "eats":
        held = bytes(2 * 1024 ** 3)
    if directory.name == "dies":
        os.kill(os.getpid(), 9)
    if directory.name == "talks":
        print("x" * 100)
    if directory.name == "breaks":
        raise ValueError("broken")
    if directory.name == "floods":
        raise planning_process.BuildFailed("x" * 9 * 1024 * 1024)
    return real(directory, *args, **more)
planning_process.plan_directory = hostile
planning_process.SAMPLES = ()
planning_process.main()
"""


def hostile() -> AnsweringProcess:
    """Start one."""
    return AnsweringProcess([sys.executable, "-I", "-c", HOSTILE.format(root=str(ROOT))], env={})


def directory(root: Path, name: str) -> Path:
    """Make a directory whose name says what the process does with it."""
    made = root / name
    made.mkdir(exist_ok=True)
    (made / "index.html").write_text("")
    return made
