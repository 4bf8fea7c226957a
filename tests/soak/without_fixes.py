"""Each defence of tests/inputs/fixes.toml, taken out in a copy: its tests fail, or they prove nothing.

    python tests/soak/without_fixes.py
    python tests/soak/without_fixes.py --only "refs/replace"

Needs no Docker, and takes half an hour. That the tests pass with everything in its place, tests/run shows. Prints a table; ends with 1 if
a test did not notice, or if a text is not where the list says.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("deployhost", "tests", "templates", "pyproject.toml", "install.sh", "docs", "README.md", "ARCHITECTURE.md")
ALL_PASSED, SOME_FAILED = 0, 1  # pytest's exit codes


@dataclass(frozen=True)
class Fix:
    """One line of defence, as the list has it; `of` is the kind of attack, `tests` are pytest's arguments."""

    of: str
    attack: str
    file: str
    text: str
    without: str
    tests: str


def tested(copy: Path, arguments: str) -> int:
    """Return pytest's exit code in the copy; it ends with the first failure."""
    argv = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *arguments.split()]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(argv, cwd=copy, env=environment, capture_output=True, check=False).returncode


def outcome(copy: Path, fix: Fix) -> str:
    """Return what became of the tests without a fix: "noticed", or what is wrong."""
    path = copy / fix.file
    before = path.read_text(encoding="utf-8")
    if before.count(fix.text) != 1:
        return f"the text is there {before.count(fix.text)} times"
    path.write_text(before.replace(fix.text, fix.without), encoding="utf-8")
    try:
        compile(path.read_text(encoding="utf-8"), fix.file, "exec")
        code = tested(copy, fix.tests)
    except SyntaxError as error:
        return f"not Python any more: {error}"
    finally:
        path.write_text(before, encoding="utf-8")
    return {SOME_FAILED: "noticed", ALL_PASSED: "NOT NOTICED"}.get(code, f"pytest ended with {code}")


def main() -> int:
    """Take out each fix in turn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="a part of an attack's name")
    only = parser.parse_args().only
    wrong = tried = 0
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory)
        for name in COPIED:
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
        listed = tomllib.loads((ROOT / "tests/inputs/fixes.toml").read_text(encoding="utf-8"))["fix"]
        wanted = [fix for fix in (Fix(**one) for one in listed) if only in fix.attack]
        for fix in wanted:
            what = outcome(copy, fix)
            tried, wrong = tried + 1, wrong + (what != "noticed")
            print(f"{fix.of:44} {fix.attack:44} {what:12} {fix.tests}", flush=True)
    print(f"\n{tried} fixes taken out, {wrong} not noticed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
