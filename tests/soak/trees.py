"""Mutated trees, each with a server in a language that is not built here: none may be built. `python tests/soak/trees.py --count 10000`.

It needs no root and no Docker; a seed makes the same ones again.
"""

import argparse
import collections
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deployhost.build.directory import DirectoryTree, load_templates
from deployhost.build.tree import MemoryTree
from tests.inputs.mutated_trees import Files, Mutator, planned

EVERY = 50  # trees after which one is planned from a real directory, links and all
SLOW = 1.0  # seconds that no plan may take


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    mutator, templates, began = Mutator(given.seed), load_templates(), time.monotonic()
    built: collections.Counter[str] = collections.Counter()
    crashes = slow = 0
    slowest = 0.0
    for number in range(given.count):
        mutant = mutator.mutant()
        since = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as scratch:
                tree = MemoryTree(mutant.files) if number % EVERY else on_disk(Path(scratch), mutant.files)
                plan = planned(tree, templates)
        except Exception as error:
            crashes += 1
            print(f"tree {number} of seed {given.seed} ({mutant.case.name}, {mutant.done}): {error!r}", file=sys.stderr)
            continue
        seconds = time.monotonic() - since
        slowest, slow = max(slowest, seconds), slow + (seconds > SLOW)
        if plan is not None:
            built[plan.runtime] += 1
            print(
                f"tree {number} of seed {given.seed} ({mutant.case.name}, {mutant.done}): {plan.runtime} {plan.start}",
                file=sys.stderr,
            )
    figures = {
        "trees": given.count,
        "built": dict(built),
        "crashes": crashes,
        "over_a_second": slow,
        "slowest_ms": round(slowest * 1000),
    }
    print(json.dumps(figures | {"seconds": round(time.monotonic() - began, 1)}))
    return 1 if built or crashes or slow else 0


def on_disk(root: Path, files: Files) -> DirectoryTree:
    """Given a directory, return the tree with these files in it, a link out of it and one to nowhere."""
    for path, text in files.items():
        file = root / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode("utf-8", "surrogateescape"))
        except OSError:  # a file lies where a folder is wanted
            continue
    (root / "outside.html").symlink_to("/etc/hostname")
    (root / "nowhere").symlink_to("missing")
    return DirectoryTree(root)


if __name__ == "__main__":
    sys.exit(main())
