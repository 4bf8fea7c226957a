"""The way from a fresh server to a repository that is live at a domain, where tests/run does not go: without systemd, with newer Docker.

    python tests/soak/to_the_internet.py                     # Debian 12 and forky, without systemd
    python tests/soak/to_the_internet.py --suite trixie --systemd

The steps are those of tests/e2e/fresh_server/test_to_the_internet.py, in their order. Forky has Docker 28.5, here with the containerd
image store, which Docker 29 uses by default.
"""

import argparse
import inspect
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.fresh_server import test_to_the_internet
from tests.e2e.fresh_server.on_the_internet import OnTheInternet, on_the_internet
from tests.e2e.fresh_server.server import FreshServer, make_parts

SUITES = ("bookworm", "forky")
CONTAINERD_STORE = ("forky",)
SETTINGS = {"live-restore": True, "features": {"containerd-snapshotter": True}}


def steps() -> Iterator[tuple[str, Callable[[OnTheInternet], None]]]:
    """Yield the tests with their names, in the order in which they stand in their file."""
    found = inspect.getmembers(test_to_the_internet, inspect.isfunction)
    tests = [(name, test) for name, test in found if name.startswith("test_")]
    yield from sorted(tests, key=lambda one: one[1].__code__.co_firstlineno)


def use_containerd_store(server: FreshServer) -> None:
    """Have Docker, which is not installed yet, keep images where Docker 29 does."""
    server.run("mkdir", "-p", "/etc/docker")
    server.write(json.dumps(SETTINGS), "/etc/docker/daemon.json")


def walk(suite: str, parts: Path, *, systemd: bool) -> str:
    """Go all the way on a server of a Debian release, and return the step that failed, or nothing."""
    with tempfile.TemporaryDirectory() as folder, on_the_internet(suite, parts, Path(folder), systemd=systemd) as world:
        if suite in CONTAINERD_STORE:
            use_containerd_store(world.server)
        for name, step in steps():
            began = time.monotonic()
            try:
                step(world)
            except Exception:
                traceback.print_exc()
                print(world.server.run("deployhost", "status", check=False))
                return name
            print(f"{suite}: {name}  {time.monotonic() - began:.0f} s", flush=True)
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Go the way on each server; return 1 if a step failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suite", action="append", help="the Debian release; may be repeated")
    parser.add_argument("--systemd", action="store_true", help="with systemd as PID 1, else supervised")
    asked = parser.parse_args(arguments)
    failed = []
    with tempfile.TemporaryDirectory() as directory:
        parts = make_parts(Path(directory))
        for suite in asked.suite or SUITES:
            if step := walk(suite, parts, systemd=asked.systemd):
                failed.append(f"{suite}: {step}")
    print("\n".join(["failed:", *failed] if failed else ["every step on every server"]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
