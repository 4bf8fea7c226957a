"""From a push at GitHub to the first answer of the new version, beside `git push` to the server and a bare `git fetch`, in turns.

    python tests/bench/webhook_to_live.py --runs 20 --json webhook_to_live.json

All of it runs on a fresh server in a container, with GitHub's and Cloudflare's doubles around it. Each run changes the app's code
only. The clock starts when GitHub has the commit and is about to deliver (`git push` is started, with the commit made), and stops when
a client that asks kamal-proxy every 5 ms gets the new body. The bare fetch is of one commit, from the double, into a bare repository.
What the webhook costs is the rest: delivery, tunnel, listener and look.
"""

import argparse
import base64
import contextlib
import http.client
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.fresh_server.on_the_internet import APP, MAIN, OnTheInternet, on_the_internet, socket_in
from tests.e2e.fresh_server.server import make_parts

PUSHED = "pushed"
CLONE, BARE, HEADER = "/root/clone", "/root/bare.git", "/root/fetch.config"
BETWEEN = 1.5  # seconds for the version before to be gone
LIMIT = 60.0
WAYS = ("webhook", "push", "fetch")
# Run on the server: prints when it began and ended, on the clock that containers share with this machine.
TIMED = """
import subprocess, sys, time
began = time.monotonic()
subprocess.run(sys.argv[1:], check=True, capture_output=True)
print(began, time.monotonic())
"""


class Ways:
    """The three ways, on one server with two apps of the same code."""

    def __init__(self, world: OnTheInternet) -> None:
        self.world, self.run, self.pid = world, world.server.run, world.server.pid
        world.set_up()
        world.add()
        self.run("deployhost", "add", PUSHED)
        self.run("git", "init", "--quiet", "--initial-branch=main", CLONE)
        for name, value in (("name", "A Person"), ("email", "person@example.com")):
            self.run("git", "-C", CLONE, "config", f"user.{name}", value)
        self.run("git", "-C", CLONE, "remote", "add", "deployhost", f"/var/lib/deployhost/repos/{PUSHED}.git")
        self.run("git", "init", "--quiet", "--bare", BARE)
        token = world.internet.github.personal_token("octo")
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        world.server.write(f"[http]\n\textraHeader = Authorization: Basic {basic}\n", HEADER)

    def webhook(self, word: str) -> float:
        """Push at GitHub; return the seconds until the new version answers."""
        repository = self.world.repository
        sha = repository.make_commit({"main.py": MAIN.replace("WORD", word)}, word, repository.head())
        began = time.monotonic()
        repository.push("main", sha)
        return self._answers(APP, word) - began

    def push(self, word: str) -> float:
        """Push to the server; return the seconds until the new version answers."""
        self.world.server.write(MAIN.replace("WORD", word), f"{CLONE}/main.py")
        self.run("git", "-C", CLONE, "add", "main.py")
        self.run("git", "-C", CLONE, "commit", "--quiet", f"--message={word}")
        pushing = self.world.server.start("python3", "-c", TIMED, "git", "-C", CLONE, "push", "deployhost", "main")
        ended = self._answers(PUSHED, word)
        return ended - float(pushing.wait(LIMIT).split()[0])

    def fetch(self, word: str) -> float:
        """Fetch one commit from GitHub, and return the seconds."""
        repository = self.world.repository
        sha = repository.make_commit({"main.py": MAIN.replace("WORD", word)}, word, repository.head())
        repository.git("update-ref", "refs/heads/fetched", sha)
        url = f"{repository.url}.git"
        fetch = ("git", "-C", BARE, "fetch", "--quiet", "--depth=1", "--no-tags", url, sha)
        began, ended = self.run("env", f"GIT_CONFIG_GLOBAL={HEADER}", "python3", "-c", TIMED, *fetch).split()
        return float(ended) - float(began)

    def _answers(self, app: str, word: str) -> float:
        """Ask kamal-proxy until it answers with a word, and return when that was."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1")
                connection.sock = socket_in(self.pid, 80)
                with contextlib.closing(connection):
                    connection.request("GET", "/", headers={"Host": f"{app}.localhost", "Connection": "close"})
                    if connection.getresponse().read().decode().startswith(f"{word} "):
                        return time.monotonic()
            time.sleep(0.005)
        raise AssertionError(f"{app} did not answer with {word}")


def measure(runs: int) -> dict[str, list[float]]:
    """Return each way's times in milliseconds, taken in turns; the first of each fills caches and is not counted."""
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "parts").mkdir()
        parts = make_parts(Path(directory) / "parts")
        with on_the_internet("bookworm", parts, Path(directory) / "world") as world:
            ways = Ways(world)
            for number in range(runs + 1):
                for name in WAYS:
                    time.sleep(BETWEEN)
                    took = getattr(ways, name)(f"{name}-{number}") * 1000
                    if number:
                        times[name].append(took)
    return times


def summary(times: dict[str, list[float]]) -> dict[str, float]:
    """Return p50 and p95 of each way, and what the webhook's p50 is above the two others."""
    result: dict[str, float] = {}
    for name, values in times.items():
        result[f"{name} p50"] = round(statistics.median(values), 1)
        result[f"{name} p95"] = round(sorted(values)[max(0, math.ceil(0.95 * len(values)) - 1)], 1)
    result["above"] = round(result["webhook p50"] - result["push p50"] - result["fetch p50"], 1)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write the JSON if asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    asked = parser.parse_args(arguments)
    times = measure(asked.runs)
    result = summary(times)
    print(f"ms to the first new answer, code-only change, {asked.runs} runs of each way in turns: p50 (p95)")
    for name in WAYS:
        print(f"  {name:<8} {result[f'{name} p50']:.0f} ({result[f'{name} p95']:.0f})")
    print(f"  webhook is {result['above']:.0f} ms above push plus fetch")
    if asked.json:
        asked.json.write_text(json.dumps({"summary": result, "times": times}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
