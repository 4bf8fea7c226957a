"""Random schedules of pushes at GitHub: deliveries that are lost, doubled and late, force pushes, kills of the daemon; three apps.

    python tests/soak/deliveries.py --schedules 200              # on fakes, some minutes
    python tests/soak/deliveries.py --schedules 0 --real 20      # on a fresh server with the doubles around it

What is live only moves along the heads; within 90 s the head is live, or its deploy has failed with a reason; a commit is deployed as often
as it was pushed at most, and built once; no commit status stays pending. A seed plays the same schedule again.
"""

import argparse
import contextlib
import http.client
import json
import logging
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.doubles.github.repositories import Repository
from tests.e2e.fresh_server.on_the_internet import MAIN, OnTheInternet, carry_base, on_the_internet, socket_in
from tests.e2e.fresh_server.server import Failed, make_parts
from tests.fakes.assembled import Server
from tests.fakes.schedules import Schedule

BROKEN = "raise SystemExit('this commit is broken')\n"
WITHIN = 90.0
ACTIONS = ("push", "push", "push", "push", "back", "lose", "double", "late", "hold", "release", "kill", "rest", "rest")


def on_fakes(seed: int) -> list[str]:
    """Play one schedule on the fakes, and return what is wrong."""
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory() as directory:
        return Schedule(Server(Path(directory) / "server", patched), seed).run()


@dataclass
class RealApp:
    """An app on the server, its branch at GitHub, and the commits that were its heads; `at` is the one that was seen live last."""

    name: str
    repository: Repository
    branch: str
    heads: list[str] = field(default_factory=list)
    at: int = 0


class RealSchedules:
    """Schedules on one server, one after the other."""

    def __init__(self, world: OnTheInternet, random_: random.Random) -> None:
        self.world, self.random, self.number = world, random_, 0
        self.words: dict[str, str] = {}  # what a commit shows, by its sha; "" if it is broken
        self.wrong: list[str] = []
        github = world.internet.github
        blog = github.repository("octo/blog", {"main.py": MAIN.replace("WORD", "first")})
        self.apps = [
            RealApp("shop", world.repository, "main"),
            RealApp("preview", world.repository, "next"),
            RealApp("blog", blog, "main"),
        ]
        world.repository.commit({"main.py": MAIN.replace("WORD", "first")}, branch="next")
        world.set_up()
        carry_base(world.server)
        (installation,) = github.world.installations.values()
        installation.selected = None
        for app in self.apps:
            head = app.repository.head(app.branch)
            assert head is not None
            app.heads.append(head)
            self.words[head] = "one" if app.name == "shop" else "first"
            source = ("add", app.repository.full_name, "--name", app.name, "--branch", app.branch)
            print(world.server.run("deployhost", *source).strip().splitlines()[-1], flush=True)
        self.pid = world.server.pid

    def play(self) -> None:
        """Play one schedule, and look at what became of it."""
        deliveries = self.world.internet.github.deliveries
        with self._watched():
            for _ in range(12):
                self._act(self.random.choice(ACTIONS))
                time.sleep(self.random.random() * 2)
            deliveries.release(lambda held: list(reversed(held)))
            self._until_decided()
        self._check()

    def _act(self, action: str) -> None:
        deliveries = self.world.internet.github.deliveries
        if action == "push":
            self._push(self.random.choice(self.apps))
        elif action == "back":
            app = self.random.choice(self.apps)
            if len(app.heads) > 2 and (sha := self.random.choice(app.heads[-3:-1])) != app.heads[-1]:
                self._move(app, sha)
        elif action == "lose":
            deliveries.lose()
        elif action == "double":
            deliveries.duplicate()
        elif action == "late":
            deliveries.delay(3.0)
        elif action == "hold":
            deliveries.hold()
        elif action == "release":
            deliveries.release(lambda held: list(reversed(held)))
        elif action == "kill":
            with contextlib.suppress(Failed):  # it may start just now
                daemon = self.world.server.process("bin/deployhostd")["bin/deployhostd"]
                self.world.server.run("kill", "-KILL", str(daemon))

    def _push(self, app: RealApp) -> None:
        self.number += 1
        broken = self.random.random() < 0.15
        word = f"{app.name}-{self.number}"
        code = BROKEN + f"# {word}\n" if broken else MAIN.replace("WORD", word)
        sha = app.repository.make_commit({"main.py": code}, word, app.heads[-1])
        self.words[sha] = "" if broken else word
        self._move(app, sha)

    def _move(self, app: RealApp, sha: str) -> None:
        app.heads.append(sha)  # before GitHub has it: it may be live at once
        app.repository.push(app.branch, sha)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(0.05):
                for app in self.apps:
                    self._see(app)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(30)

    def _see(self, app: RealApp) -> None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", timeout=10)
            connection.sock = socket_in(self.pid, 80)
            with contextlib.closing(connection):
                connection.request("GET", "/", headers={"Host": f"{app.name}.localhost", "Connection": "close"})
                answer = connection.getresponse()
                word = answer.read().decode().split(" ")[0].strip()
        except (OSError, http.client.HTTPException) as error:
            self.wrong.append(f"{app.name} did not answer: {error!r}")
            return
        if answer.status != 200:
            self.wrong.append(f"{app.name} answered {answer.status}")
            return
        heads = list(app.heads)
        later = next((at for at in range(app.at, len(heads)) if self.words[heads[at]] == word), None)
        if later is None:
            self.wrong.append(f"{app.name}: {word} is live, which is no head after {heads[app.at]}")
        else:
            app.at = later

    def _until_decided(self) -> None:
        deadline = time.monotonic() + WITHIN
        while undecided := [app.name for app in self.apps if not self._decided(app)]:
            if time.monotonic() > deadline:
                self.wrong.append(f"not decided within {WITHIN:g} s: {', '.join(undecided)}")
                return
            time.sleep(0.5)

    def _status(self, app: RealApp) -> Any:
        shown = self.world.server.run("deployhost", "status", app.name, "--json", check=False)
        with contextlib.suppress(ValueError, KeyError):
            return json.loads(shown[shown.index("{") :])["apps"][0]
        return None  # the daemon starts again

    def _decided(self, app: RealApp) -> bool:
        status = self._status(app)
        if status is None or status["last_deploy"] is None:
            return False
        deploy = status["last_deploy"]
        return deploy["sha"] == app.heads[-1] and (
            deploy["status"] == "live" or (deploy["status"] == "failed" and bool(deploy["error"]))
        )

    def _check(self) -> None:
        deadline = time.monotonic() + WITHIN
        while pending := [sha for app in self.apps for sha in set(app.heads) if self._state(app, sha) == "pending"]:
            if time.monotonic() > deadline:
                self.wrong.append(f"pending: {pending}")
                break
            time.sleep(1)
        for app in self.apps:
            shown = json.loads(self.world.server.run("deployhost", "releases", app.name, "--json"))
            times = Counter(one["sha"] for one in shown["releases"])
            self.wrong += [
                f"{app.name}: {sha} was live {count} times, and the head {app.heads.count(sha)} times"
                for sha, count in times.items()
                if count > app.heads.count(sha)
            ]

    def _state(self, app: RealApp, sha: str) -> str:
        return str(app.repository.latest_statuses(sha).get(f"deployhost/{app.name}", {}).get("state", ""))


def on_a_server(schedules: int, seed: int) -> list[str]:
    """Play schedules on a fresh server, and return what is wrong."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "parts").mkdir()
        parts = make_parts(Path(directory) / "parts")
        with on_the_internet("bookworm", parts, Path(directory) / "world") as world:
            played = RealSchedules(world, random.Random(seed))
            for number in range(schedules):
                before, pushed = len(played.wrong), played.number
                played.play()
                print(
                    f"real {number}: {played.number - pushed} pushes, {len(played.wrong) - before} problems", flush=True
                )
            wrong = played.wrong
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the schedules; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--schedules", type=int, default=200, help="how many on fakes")
    parser.add_argument("--real", type=int, default=0, help="how many on a fresh server")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    asked = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # the fakes' GitHub fails as it is told to
    wrong: list[str] = []
    for seed in range(asked.seed, asked.seed + asked.schedules):
        wrong += [f"seed {seed}: {line}" for line in on_fakes(seed)]
    print(f"{asked.schedules} schedules on fakes: {len(wrong)} problems", flush=True)
    if asked.real:
        wrong += on_a_server(asked.real, asked.seed)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
