"""100,000 hostile names, variables, labels, hosts and trees sent through deployhost's own code: `python tests/soak/hostile.py --count 100000`.

It needs no root and no Docker; a seed makes the same ones again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deployhost.cli.completion import quoted
from tests.inputs.hostile import Case, Maker, Trial, nothing_started
from tests.inputs.hostile_trees import Forest

TREE_EVERY = 2  # cases between commits, which take git a while
EVERY = 50  # cases after which git itself is asked for its opinion of a branch


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="hostile values")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    maker, began = Maker(given.seed), time.monotonic()
    values = cases = refused = trees = written = 0
    memory = Path("/dev/shm")  # every file is synced to the disk, which is not what is tried here
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        (Path(directory) / "forest").mkdir()
        trial, forest = Trial(Path(directory) / "names"), Forest(Path(directory) / "forest", given.seed)
        while values < given.count:
            case = maker.case()
            try:
                with nothing_started():
                    trial.run(case)
            except Exception:
                print(f"case {cases} of seed {given.seed}: {repr(case)[:3000]}", file=sys.stderr)
                raise
            if cases % EVERY == 0:
                git_agrees(case)
            if cases % TREE_EVERY == 0:
                commit = forest.commit()
                written, trees, values = written + forest.check(commit), trees + 1, values + 1
            cases, values, refused = cases + 1, values + case.values, refused + case.refused
    seconds = round(time.monotonic() - began, 1)
    print(
        json.dumps(
            {
                "values": values,
                "cases": cases,
                "refused": refused,
                "trees": trees,
                "trees_written": written,
                "got_through": 0,
                "seconds": seconds,
            }
        )
    )
    return 0


def git_agrees(case: Case) -> None:
    """What is a branch's or a tag's name here is one for git, and for bash the word that is completed is that name."""
    subprocess.run(["git", "check-ref-format", f"refs/heads/{case.branch}"], check=True)
    subprocess.run(["git", "check-ref-format", f"refs/tags/{case.tag}"], check=True)
    for name in (case.branch, case.tag):
        script = f"printf %s {quoted(name)}"
        said = subprocess.run(
            ["bash", "--norc", "-c", script], check=True, capture_output=True, env={"LC_ALL": "C.UTF-8"}, text=True
        )
        assert said.stdout == name, name


if __name__ == "__main__":
    sys.exit(main())
