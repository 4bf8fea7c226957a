"""Push after push under load for as long as one likes: no request may fail, and nothing may pile up.

    python tests/soak/pushes.py --pushes 200 --rate 100 --seed 1

Some pushes are followed at once by another, some are of a version that
can't boot. Prints a summary as JSON; ends with 1 if anything was not as it must be.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.real.load import Load, Target
from tests.real.system_under_test import App, app_on, ask, docker, set_up

BAD, DOUBLE = 0.1, 0.15  # how often a push can't boot, and how often one is overtaken


def disk() -> int:
    """Return the number of images that the engine holds."""
    return len(docker("images", "--all", "--quiet").split())


def one_push(app: App, number: int, chance: random.Random, load: Load) -> tuple[str, float]:
    """Given a number, make one push of a random kind and return the kind and its seconds."""
    began = time.monotonic()
    draw = chance.random()
    if draw < BAD:
        good = (app.tree / "main.py").read_text()
        (app.tree / "main.py").write_text("raise SystemExit('no')\n")
        app.set_version(f"bad-{number}")
        code = app.push(check=False).code
        (app.tree / "main.py").write_text(good)
        return ("bad" if code == 1 else f"a bad push ended with {code}"), time.monotonic() - began
    first = None
    if draw < BAD + DOUBLE:
        load.allow(f"stdlib twin-{number}\n".encode())
        app.set_version(f"twin-{number}")
        first = app.begin_push()
        time.sleep(chance.uniform(0, 0.6))
    load.allow(f"stdlib push-{number}\n".encode())
    app.set_version(f"push-{number}")
    app.push()
    if first is not None:
        first.wait()
    kind = "double" if first else "plain"
    return (kind if app.body() == f"stdlib push-{number}\n" else "the newest is not live"), time.monotonic() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the pushes and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--pushes", type=int, default=200)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    set_up()
    chance = random.Random(asked.seed)
    kinds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as directory, app_on("stdlib", "soak-pushes", Path(directory) / "app") as app:
        app.push()
        images = disk()
        load = Load(
            Target(app.host, port=app.http_port),
            rate=asked.rate,
            allowed=[b"stdlib one\n"],
            most_requests=10**7,
            most_seconds=86400,
        ).start()
        for number in range(asked.pushes):
            kind, seconds = one_push(app, number, chance, load)
            kinds.setdefault(kind, []).append(seconds)
        report = load.stop()
        containers = len(app.containers(running=False))
        images = disk() - images
    wrong = set(kinds) - {"bad", "double", "plain"}
    summary = {
        "seed": asked.seed,
        "pushes": {kind: len(times) for kind, times in kinds.items()},
        "median_s": {kind: round(sorted(times)[len(times) // 2], 2) for kind, times in kinds.items()},
        "containers_at_the_end": containers,
        "images_more_than_at_the_beginning": images,
        "version": ask("version")["version"],
        "versions_seen": len(report.bodies),
        "load": {name: value for name, value in report.to_json().items() if name != "bodies"},
    }
    print(json.dumps(summary, indent=2))
    return 1 if wrong or report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
