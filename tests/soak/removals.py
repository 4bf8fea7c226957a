"""Apps are added and removed in random order while hooks refresh and deployhostd is killed: of a removed app nothing is left.

    python tests/soak/removals.py --apps 120 --kills 10 --seed 1

A deployhostd of this checkout with a tree of its own, on this machine's Docker engine and kamal-proxy. Needs root and a server
that is set up. All apps are written into apps.yml at once, so that the refresh of hooks is long; a few are really deployed, and
pushed to while they are removed. A removal that a kill has cut off once it had begun is not asked for again: the next start has to
finish it. Prints figures as JSON; ends with 1 if anything was not as it must be.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deployhost.config import apps
from deployhost.config.yaml_edit import YamlText
from deployhost.control.client import call
from deployhost.errors import DaemonUnavailable, RemoteError
from deployhost.journal.database import Database
from deployhost.journal.deploys import Deploys
from deployhost.journal.releases import Releases
from deployhost.journal.removals import Removals
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import AppName
from deployhost.system.docker import Docker
from tests.real.load import quantiles
from tests.real.system_under_test import SAMPLES, Push, begin_push, docker, eventually, run, set_up
from tests.soak.own_server import OwnDaemon

LOOK = 0.1  # seconds between the daemon's rounds
THREADS = 4
STAYS = 0.35  # of the apps, in the end
ROUNDS = 3  # times at most that one app is removed
EMPTY, FULL = AppName("removals-no-app"), AppName("removals-no-app-with-commits")


@dataclass
class Outcome:
    """What was done, how long it took, in ms, and what was not as it must be."""

    added: int = 0
    removed: int = 0
    killed: int = 0
    resumed: int = 0  # removals that had begun when a kill cut them off
    pushed: int = 0
    add_ms: list[float] = field(default_factory=list)
    remove_ms: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Removing:
    """Adds and removes apps on a daemon that dies now and then."""

    def __init__(self, daemon: OwnDaemon, folder: Path, *, count: int, real: int, seed: int) -> None:
        self.daemon, self.paths = daemon, daemon.paths
        self.names = [AppName(f"removals-{number:03}") for number in range(count)]
        self.real = self.names[:: max(1, count // real)][:real]
        self.outcome = Outcome()
        self.wanted: set[AppName] = set()  # apps that are to be there in the end
        self._folder = folder
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._daemon_lock = threading.Lock()
        self._steps = 0
        self._cut_off: set[AppName] = set()  # apps whose removal had begun at a kill, and that nobody has added since

    def run(self, kills: int) -> None:
        """Do all of it, and look."""
        self._plant()  # as an earlier version may have left them
        self.daemon.start()
        for app in self.real:
            self._add(app)
            pushed = self._push(app).wait()
            if pushed.code != 0:
                self.outcome.problems.append(f"{app} is not live: {pushed.said[-400:]}")
        self._list_the_others()
        lives = [(app, random.Random(self._chance.random())) for app in self.names]
        self._chance.shuffle(lives)
        total = 2 * len(self.names)  # about as many steps as there will be
        with self._touching(), ThreadPoolExecutor(THREADS) as pool:
            working = [pool.submit(self._live, app, chance) for app, chance in lives]
            for number in range(kills):
                while self._steps < total * number // kills and not all(one.done() for one in working):
                    time.sleep(0.005)
                time.sleep(self._chance.random() * 0.2)
                self._kill()
            for one in working:
                one.result()
        self._settle()
        self._look()

    def _live(self, app: AppName, chance: random.Random) -> None:
        """Remove an app and add it again, some times over."""
        rounds = chance.randint(1, ROUNDS)
        for number in range(rounds):
            push = self._push(app) if app in self.real and chance.random() < 0.5 else None
            time.sleep(chance.random() * (1.0 if push else 0.05))
            self._remove(app, twice=chance.random() < 0.2)
            if push is not None:
                push.wait()
            if number < rounds - 1 or chance.random() < STAYS:
                self._add(app, by_hand=chance.random() < 0.4)

    # Steps

    def _plant(self) -> None:
        run(["git", "init", "--quiet", "--bare", str(self.paths.repo(EMPTY))])
        run(["git", "clone", "--quiet", "--bare", str(self._clone(FULL)), str(self.paths.repo(FULL))])

    def _list_the_others(self) -> None:
        others = [name for name in self.names if name not in self.real]

        def edit(text: YamlText, _now: apps.AppsFile) -> None:
            for name in others:
                text.set(("apps", name), None)

        apps.change(self.paths.apps_yml, edit)
        self.wanted.update(others)

    def _add(self, app: AppName, *, by_hand: bool = False) -> None:
        with self._timed(self.outcome.add_ms):
            if by_hand:
                apps.add_app(self.paths.apps_yml, app)
            else:
                self._ask("app.add", app, unless="conflict")  # asked for again, after a kill
        with self._lock:
            self.outcome.added += 1
            self.wanted.add(app)
            self._cut_off.discard(app)

    def _remove(self, app: AppName, *, twice: bool) -> None:
        asked = 2 if twice else 1
        with self._timed(self.outcome.remove_ms), ThreadPoolExecutor(asked) as pool:
            list(pool.map(lambda _: self._ask_to_remove(app), range(asked)))
        with self._lock:
            self.outcome.removed += 1
            self.wanted.discard(app)
        if self.paths.repo(app).exists():
            self.outcome.problems.append(f"{app} was removed, and its repository is there")

    def _ask_to_remove(self, app: AppName) -> None:
        """Ask for a removal until it is answered, or until it has begun and is the next start's to finish."""
        while True:
            try:
                call(str(self.paths.control_socket), "app.remove", timeout=120, name=app)
            except DaemonUnavailable:
                with self._daemon_lock:  # it is up again, and what had begun is known
                    begun = app in self._cut_off
                if begun:
                    self._await_resumed(app)
                    return
                time.sleep(0.02)
            except RemoteError as error:
                if error.code != "app_not_found":
                    raise
                return
            else:
                with self._lock:
                    self._steps += 1
                return

    def _await_resumed(self, app: AppName) -> None:
        """Wait until nothing is left of a removal that had begun. It may be cut off again."""
        eventually(lambda: app not in self._open_removals(), within=120, what=f"the removal of {app} is finished")
        if app in apps.load(self.paths.apps_yml).known:
            self.outcome.problems.append(f"the removal of {app} had begun at a kill, and was given up")
        with self._lock:
            self._steps += 1
            self.outcome.resumed += 1

    def _open_removals(self) -> set[AppName]:
        journal = Database(self.paths.journal)
        try:
            return set(Removals(journal).open())
        finally:
            journal.close()

    def _push(self, app: AppName) -> Push:
        self.outcome.pushed += 1
        clone = self._clone(app)
        (clone / "version.txt").write_text(f"{self.outcome.pushed}\n")
        run(["git", "commit", "--quiet", "--all", "--message", "next"], cwd=clone)
        return begin_push(clone, str(self.paths.repo(app)), "main")

    def _clone(self, app: AppName) -> Path:
        clone = self._folder / app
        if not clone.exists():
            shutil.copytree(SAMPLES / "static", clone)
            run(["git", "init", "--quiet", "--initial-branch=main", str(clone)])
            run(["git", "add", "--all"], cwd=clone)
            run(["git", "commit", "--quiet", "--message", "first"], cwd=clone)
        return clone

    def _ask(self, op: str, app: AppName | None = None, *, unless: str = "") -> Any:
        """Ask the daemon until it has answered. An error of that code is an answer: what was asked for was done before a kill."""
        while True:
            try:
                result = call(str(self.paths.control_socket), op, timeout=120, name=app)
            except DaemonUnavailable:
                time.sleep(0.02)
            except RemoteError as error:
                if error.code == unless:
                    return None
                raise
            else:
                with self._lock:
                    self._steps += 1
                return result

    @contextmanager
    def _timed(self, times: list[float]) -> Iterator[None]:
        began, kills = time.monotonic(), self.outcome.killed
        yield
        if kills == self.outcome.killed:
            times.append((time.monotonic() - began) * 1000)

    @contextmanager
    def _touching(self) -> Iterator[None]:
        """Have hooks refresh all the time."""
        stop = threading.Event()

        def touch() -> None:
            while not stop.wait(0.03):
                with suppress(FileNotFoundError):
                    os.utime(self.paths.apps_yml)

        toucher = threading.Thread(target=touch)
        toucher.start()
        try:
            yield
        finally:
            stop.set()
            toucher.join()

    def _kill(self) -> None:
        with self._lock:
            self.outcome.killed += 1
        with self._daemon_lock:
            self.daemon.kill()
            begun = self._open_removals()
            with self._lock:
                self._cut_off |= begun
            self.daemon.start()

    def _settle(self) -> None:
        journal = Database(self.paths.journal)
        removals, deploys = Removals(journal), Deploys(journal, time.time)
        eventually(lambda: not removals.open() and not deploys.open(), within=60, what="nothing is under way")
        eventually(lambda: not self._ask("app.converge")["steps"], within=30, what="nothing is to be mended")
        journal.close()

    # What is to be in the end

    def _look(self) -> None:
        problems = self.outcome.problems
        listed = set(apps.load(self.paths.apps_yml).known)
        problems += [f"{app} is in apps.yml, and was removed" for app in sorted(listed - self.wanted)]
        problems += [f"{app} is not in apps.yml, and was added" for app in sorted(self.wanted - listed)]
        there = {path.name for path in self.paths.repos.iterdir()}
        problems += [
            f"{name} is among the repositories" for name in sorted(there - {f"{app}.git" for app in (*listed, FULL)})
        ]
        for app in sorted(listed):
            if not (self.paths.repo(app) / "hooks" / "proc-receive").exists():
                problems.append(f"{app} has no repository with a hook")
        warnings = [warning["message"] for warning in self._ask("app.status")["server"]["warnings"]]
        if not [text for text in warnings if f"deployhost remove {FULL}" in text] or FULL + ".git" not in there:
            problems.append(f"the repository with commits that no app uses is not named: {warnings}")
        removed = set(self.names) - self.wanted
        problems += [f"{app} was removed, and there is {what}" for what, app in self.left() if app in removed]

    def left(self) -> list[tuple[str, AppName]]:
        """Return what there is of the apps, and of which."""
        paths, journal = self.paths, Database(self.paths.journal)
        releases, deploys = Releases(journal, time.time), Deploys(journal, time.time)
        names = set(self.names)
        found: list[tuple[str, str]] = [("a release", app) for app in releases.apps()]
        found += [("a deploy", deploy.app) for app in names for deploy in deploys.of_app(app)]
        journal.close()
        routes = KamalProxy(Docker(), paths.bin / "kamal-proxy").routes()
        found += [("a route", service.removesuffix("-web")) for service in routes]
        for kind, listed in (
            ("a container", docker("ps", "--all", "--filter", "label=service", "--format", '{{.Label "service"}}')),
            ("an image", docker("images", "--format", "{{.Repository}}")),
        ):
            found += [(kind, line.rpartition("/")[2]) for line in listed.split()]
        files = (paths.repos, paths.builds, paths.secrets, paths.kamal, paths.kamal / "apps", paths.kamal_projects)
        for folder in files:
            for path in folder.iterdir() if folder.is_dir() else ():
                named = path.name.removeprefix("lock-").removesuffix("-audit.log").partition(".")[0]
                found.append((str(path), named))
        return [(what, AppName(app)) for what, app in found if app in names]

    def clean(self) -> None:
        """Remove what is on this machine's engine and proxy."""
        for app in ({app for _, app in self.left()} & set(self.real)) | self.wanted:
            self._ask("app.remove", app, unless="app_not_found")


def remove_all(folder: Path, *, count: int, kills: int, seed: int, real: int) -> Outcome:
    """Add and remove so many apps in a directory of ours, and return what came of it."""
    daemon = OwnDaemon(folder, folder / "root", look=LOOK)
    removing = Removing(daemon, folder, count=count, real=real, seed=seed)
    try:
        removing.run(kills)
    finally:
        _anyway(removing.clean)
        daemon.kill()
        if removing.outcome.problems:
            print((folder / "deployhostd.log").read_text()[-3000:], file=sys.stderr)
    return removing.outcome


def _anyway(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as error:
        print(f"cleaning up: {error}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Add, remove, kill, print what came of it, and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--apps", type=int, default=120)
    parser.add_argument("--kills", type=int, default=10, help="of deployhostd, with SIGKILL")
    parser.add_argument("--real", type=int, default=4, help="apps that are really deployed")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    set_up()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="deployhost-removals-", dir="/var/tmp") as directory:
        outcome = remove_all(Path(directory), count=asked.apps, kills=asked.kills, seed=asked.seed, real=asked.real)
    summary = {
        "apps": asked.apps,
        "seed": asked.seed,
        "seconds": round(time.monotonic() - began, 1),
        **{name: getattr(outcome, name) for name in ("added", "removed", "killed", "resumed", "pushed")},
        "add_ms": quantiles(outcome.add_ms),
        "remove_ms": quantiles(outcome.remove_ms),
        "problems": outcome.problems,
    }
    print(json.dumps(summary, indent=2))
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
