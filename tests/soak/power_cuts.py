"""The whole server dies in the middle of a deploy, as by a power cut, and boots again: what was live or is newer serves, nothing hangs.

    python tests/soak/power_cuts.py --rounds 10 --seed 1

In a fresh server of its own with systemd. After each cut: the app answers within 60 s of the boot, no deploy stays open, one web
container runs, the database is sound and has every write that was acknowledged. Ends with 1 if anything was not so.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.fresh_server.server import FreshServer, fresh_server, host, make_parts, until
from tests.soak.in_fresh_server import THERE, prepare

APP = "cuts"
HOST = f"http://{APP}.localhost"
CLONE = "/root/clone"
ANSWERS_WITHIN = 60.0  # seconds after the boot
LONGEST = 2.5  # seconds into a push


class Cuts:
    """Given a prepared server, cut its power in the middle of pushes."""

    def __init__(self, server: FreshServer) -> None:
        self.server = server
        self.written: list[str] = []

    def begin(self, strategy: str) -> None:
        """Given a strategy, make the app and its first release."""
        run = self.server.run
        self.written = []  # of another app's database
        run("rm", "-rf", CLONE)
        run("cp", "-r", f"{THERE}/tests/apps/sqlite", CLONE)
        run("git", "init", "--quiet", "--initial-branch=main", CLONE)
        run("git", "-C", CLONE, "config", "user.email", "somebody@example.com")
        run("git", "-C", CLONE, "config", "user.name", "Somebody")
        run("deployhost", "add", APP)
        run("git", "-C", CLONE, "remote", "add", "origin", f"/var/lib/deployhost/repos/{APP}.git")
        run("deployhost", "storage", "enable", APP)
        # With storage it would be a handover by itself; the sample app needs its directory either way.
        edit = f"s/^    storage: true/    storage: true\\n    strategy: {strategy}/"
        run("sed", "-i", edit, "/etc/deployhost/apps.yml")
        if self.push("zero").wait(180) != 0:
            raise AssertionError(self.server.run("deployhost", "status", APP, check=False))

    def push(self, version: str) -> subprocess.Popen[bytes]:
        """Begin to push a version."""
        self.server.write(f"{version}\n", f"{CLONE}/version.txt")
        self.server.run("git", "-C", CLONE, "add", "--all")
        self.server.run("git", "-C", CLONE, "commit", "--quiet", "--message", version)
        argv = [
            "docker",
            "exec",
            self.server.container,
            "git",
            "-C",
            CLONE,
            "push",
            "--quiet",
            "--force",
            "origin",
            "main",
        ]
        return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def write(self, name: str) -> None:
        """Write an entry, and remember it if that was acknowledged."""
        asked = ("curl", "--silent", "--max-time", "10", "--data", name, f"{HOST}/entries")
        if f"stored {name}" in self.server.run(*asked, check=False):
            self.written.append(name)

    def cut(self, version: str, after: float) -> list[str]:
        """Push, cut after so many seconds, boot; return what was wrong."""
        self.write(f"before-{version}")
        push = self.push(version)
        time.sleep(after)
        self.write(f"during-{version}")
        host("docker", "kill", self.server.container)
        push.wait(30)
        host("docker", "start", self.server.container)
        self.server.wait_until_booted()
        began = time.monotonic()
        until(lambda: self.server.get(f"{HOST}/")[0] == 200, ANSWERS_WITHIN)
        answers = time.monotonic() - began
        until(lambda: not self.open(), ANSWERS_WITHIN)
        problems = list(self.problems())
        print(
            f"{version}: cut after {after:.2f} s, answers {answers:.1f} s after the boot, {self.outcome()}; {problems}",
            flush=True,
        )
        return problems

    def status(self) -> dict[str, Any]:
        """Return the app's status; nothing while the daemon does not answer yet."""
        said = self.server.run("deployhost", "status", APP, "--json", check=False)
        found = json.loads(said).get("apps") if said.startswith("{") else None
        return dict(found[0]) if found else {}

    def open(self) -> bool:
        """Return whether a deploy is under way, or that is not known yet."""
        status = self.status()
        return not status or status["last_deploy"]["status"] in ("queued", "running")

    def outcome(self) -> str:
        """Return how the newest deploy ended, and what serves."""
        deploy = self.status()["last_deploy"]
        return f"{deploy['status']} ({self.server.get(f'{HOST}/')[1].strip()})"

    def problems(self) -> list[str]:
        """Return what is not as it must be."""
        found = []
        if self.status()["state"] != "live":
            found.append(f"it is {self.status()['state']}")
        running = self.server.run("docker", "ps", "--quiet", "--filter", f"label=service={APP}").split()
        if len(running) != 1:
            found.append(f"{len(running)} containers run")
        if self.server.get(f"{HOST}/check")[1].strip() != "ok":
            found.append("the database is damaged")
        there = set(self.server.get(f"{HOST}/entries")[1].split())
        found += [f"{name} is lost" for name in self.written if name not in there]
        return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Cut, print what came of it, and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="of each strategy")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--suite", default="trixie", help="the Debian release")
    asked = parser.parse_args(arguments)
    moments, problems = random.Random(asked.seed), list[str]()
    with tempfile.TemporaryDirectory() as directory, fresh_server(asked.suite, make_parts(Path(directory))) as server:
        prepare(server, userland_proxy=True, kamal=False)
        cuts = Cuts(server)
        for strategy in ("handover", "overlap"):
            cuts.begin(strategy)
            for number in range(asked.rounds):
                problems += cuts.cut(f"{strategy}-{number}", moments.uniform(0.0, LONGEST))
            server.run("deployhost", "remove", APP, "--yes", "--storage")
    print(f"{2 * asked.rounds} cuts, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
