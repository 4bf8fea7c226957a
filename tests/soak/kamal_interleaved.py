"""The real Kamal CLI and deployhost's own deploys on one app, interleaved at random: after each step, who serves is who should.

    python tests/soak/kamal_interleaved.py --steps 100 --seed 1

Half of Kamal's commands go through `deployhost kamal`, half are typed by somebody who knows nothing of deployhost. Prints one
line per step and a summary as JSON; ends with 1 if anything was not as it must be.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.real.kamal import ODD, Shape, bring_kamal, by_hand, kamal, routed, running, settings, shape, version_of
from tests.real.system_under_test import App, Result, answers, app_on, ask, deployhost, docker, eventually, set_up

SETTINGS = "strategy: {strategy}\nmemory: 128m\ncpus: 0.7\ndrain: 3\nstop_timeout: 5"
SETTLES = 30.0  # seconds for what was replaced to be gone
DOWN = "deployhostd is not running"
STAYS = 3.0  # seconds for which an app that was stopped is watched


def daemon_answers() -> None:
    """Return once deployhostd answers."""
    eventually(answers, within=60, what="deployhostd answers")


class Mixed:
    """One app, and what it must be like: which body it answers (None: it was stopped), what its containers are made of."""

    def __init__(self, app: App, chance: random.Random) -> None:
        self.app = app
        self.chance = chance
        self.body: str | None = None
        self.bodies: dict[str, str] = {}  # of each commit
        self.shape: Shape | None = None
        self.number = 0
        self.steps: dict[str, Callable[[], str]] = {
            "push": self.push,
            "direct rollback": self.direct_rollback,
            "restart": self.restart,
            "kamal deploy": lambda: self.redeploy("deploy"),
            "kamal redeploy": lambda: self.redeploy("redeploy"),
            "kamal rollback": self.kamal_rollback,
            "kamal app details": lambda: self.look("app", "details", expect=self.live_version()),
            "kamal app logs": lambda: self.look("app", "logs", expect="stdlib"),
            "kamal app exec": lambda: self.look("app", "exec", "--reuse", "printenv ODD", expect=ODD),
            "kamal app stop": self.stop,
            "kamal app start": self.start,
            "kamal prune all": lambda: self.do("prune", "all") and "",
        }
        self.of_stopped = ("push", "restart", "kamal app start", "kamal redeploy")

    def do(self, *arguments: str) -> str:
        """Run Kamal, one way or the other, and return what it wrote."""
        way = self.chance.choice((kamal, by_hand))
        return way(self.app, *arguments).said

    def push(self) -> str:
        """Push a new version."""
        self.number += 1
        version = f"v{self.number}"
        self.app.set_version(version)
        self.app.push()
        self.body = self.bodies[self.app.head()] = f"stdlib {version}\n"
        return version

    def direct_rollback(self) -> str:
        """Go back by deployhost."""
        result: Result = deployhost("rollback", self.app.name, check=False)
        if result.code != 0:
            return f"refused: {result.said.strip().splitlines()[0]}"
        self.body = self.body_of_live()
        return self.body.strip()

    def body_of_live(self) -> str:
        """Return the body of what deployhost has as live."""
        return self.bodies[ask("releases", self.app.name)["releases"][0]["sha"]]

    def restart(self) -> str:
        """Have a new container of what is live, also of what a person stopped."""
        deployhost("restart", self.app.name)
        self.body = self.body or self.body_of_live()
        return ""

    def redeploy(self, verb: str) -> str:
        """Have Kamal deploy what is live once more, as a version of its own."""
        self.do(verb)
        self.body = self.body or self.body_of_live()
        return ""

    def kamal_rollback(self) -> str:
        """Go back by Kamal to any version that it still has a container of."""
        listed = docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"label=service={self.app.name}").split()
        names = [name for name in listed if name.startswith(f"{self.app.name}-web-") and "_replaced_" not in name]
        versions = {name.removeprefix(f"{self.app.name}-web-") for name in names}
        others = sorted(versions - {self.live_version()})
        if not others:
            return "nothing to go back to"
        version = self.chance.choice(others)
        if "is not available as a container" in self.do("rollback", version):
            return "that container is gone"
        self.body = self.bodies[version[:40]]
        return f"{version[:7]}{version[40:]} {self.body.strip()}"

    def look(self, *arguments: str, expect: str) -> str:
        """Have Kamal show something, and see that it is there."""
        said = self.do(*arguments)
        assert expect in said, f"kamal {' '.join(arguments)} does not show {expect!r}:\n{said}"
        return ""

    def stop(self) -> str:
        """Stop it by Kamal: it stays stopped."""
        self.do("app", "stop")
        self.body = None
        return ""

    def start(self) -> str:
        """Start it again by Kamal."""
        self.do("app", "start")
        self.body = self.body or self.bodies[self.live_version()[:40]]
        return ""

    def live_version(self) -> str:
        """Return the version that runs, or ran last."""
        containers = running(self.app)
        return version_of(self.app, containers[0]) if containers else str(self.app.status()["live"]["version"])

    def next_step(self) -> str:
        """Choose a step: an app that was stopped has fewer."""
        return self.chance.choice(list(self.steps) if self.body is not None else list(self.of_stopped))

    def check(self) -> None:
        """See that what serves is what should, once deployhost has looked. Raise AssertionError."""
        deployhost("converge", self.app.name)
        if self.body is None:
            self.check_stopped()
            return
        assert self.app.body() == self.body, f"it answers {self.app.body()!r}, not {self.body!r}"
        eventually(
            lambda: len(running(self.app)) == 1, within=SETTLES, what=f"one web container, not {running(self.app)}"
        )
        container = running(self.app)[0]
        assert container.startswith(routed(self.app)), f"the route leads to {routed(self.app)}, {container[:12]} runs"
        live = self.app.status()
        assert live["live"]["container"] == container[:12], f"the journal has {live['live']}, {container[:12]} runs"
        assert live["state"] == "live", live
        found = shape(container)
        self.shape = self.shape or found
        assert found == self.shape, f"made of {found}, not of {self.shape}"
        self.check_orphans()

    def check_stopped(self) -> None:
        """See that an app that was stopped stays so."""
        until = time.monotonic() + STAYS
        while time.monotonic() < until:
            assert not running(self.app), "it was stopped, and runs"
            time.sleep(0.5)
        assert self.app.get().status in (404, 502, 503)

    def check_orphans(self) -> None:
        """See that nothing is left half made or locked."""
        made = docker(
            "ps", "--all", "--quiet", "--filter", f"label=service={self.app.name}", "--filter", "status=created"
        )
        assert not made, "a container was created and never started"
        locked = Path(f"/root/.kamal/lock-{self.app.name}")
        eventually(lambda: not locked.exists(), within=SETTLES, what="Kamal's lock is free")


def interleave(app: App, steps: int, seed: int, *, strategy: str = "overlap") -> tuple[Counter[str], list[str]]:
    """Given an app without settings, mix steps at random; return how many of each there were, and what was wrong."""
    settings(app, SETTINGS.format(strategy=strategy))
    deployhost("storage", "enable", app.name)
    deployhost("env", "set", app.name, f"ODD={ODD}", "PLAIN=plain")
    mixed, done, problems = Mixed(app, random.Random(seed)), Counter[str](), []
    mixed.push()
    mixed.check()
    for number in range(1, steps + 1):
        name = mixed.next_step()
        began = time.monotonic()
        try:
            detail = mixed.steps[name]()
            mixed.check()
        except (AssertionError, OSError, HTTPException) as error:
            if DOWN in str(error) or not isinstance(error, AssertionError):
                detail = "interrupted"  # somebody restarted the daemon or the proxy: no fault of this step's
                daemon_answers()
            else:
                detail = f"PROBLEM {error}"
                problems.append(f"step {number}, {name}: {error}")
            mixed.push()  # from a known state on
            mixed.shape = None
        done[name] += 1
        print(f"{number:4} {time.monotonic() - began:5.1f} s  {name}  {detail}", flush=True)
    return done, problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the steps and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strategy", choices=("overlap", "handover"), default="overlap")
    asked = parser.parse_args(arguments)
    set_up()
    bring_kamal()
    with tempfile.TemporaryDirectory() as directory, app_on("stdlib", "soak-kamal", Path(directory) / "app") as app:
        done, problems = interleave(app, asked.steps, asked.seed, strategy=asked.strategy)
    print(json.dumps({"seed": asked.seed, "steps": done.total(), "of": dict(done), "problems": problems}, indent=2))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
