"""Deploy after deploy on a small disk: its usage stays bounded, and what is not deployhost's stays untouched.

    python tests/soak/disk.py --deploys 200

A Docker engine and a deployhost of their own, in a network of their own, with everything they keep on an ext4 file system of 4 GB in a file. Each
deploy leaves a layer that no other shares: without pruning the disk would be full long before the end. Needs root, and
python:3.13-slim and kamal-proxy in this machine's own engine. Prints usage as it goes and a summary as JSON; ends with 1
if anything was not as it must be.
"""

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.real.system_under_test import App, ask, docker, run
from tests.soak.own_server import BASE, PORT, enter_network, own_server

GB = 1024**3
DISK = 4 * GB
SPARE = 4 * GB  # beside the file itself, on the disk that holds it
APP = "soak-disk"
DOCKERFILE = """\
FROM {base}
COPY . /app
RUN dd if=/dev/urandom of=/payload bs=1M count={megabytes} 2>/dev/null
WORKDIR /app
CMD ["python", "main.py"]
"""


@dataclass
class Watched:
    """What was seen: usage by number of deploys, and what was not as it must be."""

    used: dict[int, int] = field(default_factory=dict)
    most: int = 0
    least_free: int = DISK
    problems: list[str] = field(default_factory=list)

    def look(self, mount: Path) -> int:
        """Return the bytes used on the disk, and remember the extremes."""
        found = os.statvfs(mount)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self.most = max(self.most, used)
        self.least_free = min(self.least_free, found.f_bavail * found.f_frsize)
        return used


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Given a directory, yield where a file system of 4 GB is mounted; it is gone afterwards."""
    if shutil.disk_usage(folder).free < DISK + SPARE:
        raise SystemExit(f"{folder} has less than {(DISK + SPARE) // GB} GB free: not begun")
    image, mount = folder / "disk.img", folder / "mnt"
    with image.open("wb") as file:
        file.truncate(DISK)
    mount.mkdir()
    run(["mkfs.ext4", "-q", "-m", "0", str(image)])
    run(["mount", "-o", "loop", str(image), str(mount)])
    try:
        yield mount
    finally:
        for _ in range(20):
            if run(["umount", str(mount)], check=False).code == 0:
                break
            time.sleep(0.5)
        else:
            run(["umount", "--lazy", str(mount)], check=False)


def make_foreign() -> dict[str, str]:
    """Have things that are not deployhost's, named as much alike as possible, and return their ids by what they are."""
    with tempfile.TemporaryDirectory() as directory:
        dockerfile = Path(directory) / "Dockerfile"
        dockerfile.write_text(f"FROM {BASE}\nRUN echo foreign > /foreign && sleep 0.1\n")
        os.environ["DOCKER_BUILDKIT"] = "1"
        docker("build", "--quiet", "--tag", f"127.0.0.1:5555/{APP}-other:latest", directory)
        docker("build", "--quiet", "--tag", f"{APP}:foreign", "--label", f"service={APP}", directory)
    docker("create", "--name", f"{APP}-web-foreign", "--label", f"service={APP}", BASE, "true")
    docker("create", "--name", f"{APP}-web-{'0' * 40}", BASE, "true")
    docker("volume", "create", f"{APP}-volume")
    return foreign()


def foreign() -> dict[str, str]:
    """Return what there is now of that."""
    return {
        "an image in a repository named alike": docker(
            "images", "--quiet", "--no-trunc", f"127.0.0.1:5555/{APP}-other"
        ),
        "an image with the app's label": docker("images", "--quiet", "--no-trunc", f"{APP}:foreign"),
        "a container with the app's label": docker("inspect", "--format", "{{.Id}}", f"{APP}-web-foreign", check=False),
        "a container with such a name": docker("inspect", "--format", "{{.Id}}", f"{APP}-web-{'0' * 40}", check=False),
        "a volume": docker("volume", "inspect", "--format", "{{.CreatedAt}}", f"{APP}-volume", check=False),
        "a base": docker("images", "--quiet", "--no-trunc", BASE),
    }


def deploy_on(app: App, mount: Path, deploys: int, watched: Watched) -> None:
    """Push so many versions and watch the disk."""
    for number in range(1, deploys + 1):
        app.set_version(f"deploy-{number}")
        pushed = app.push(check=False)
        if pushed.code != 0:
            watched.problems.append(f"deploy {number}: {pushed.said[-400:]}")
        elif app.body() != f"stdlib deploy-{number}\n":
            watched.problems.append(f"deploy {number} is not live")
        used = watched.look(mount)
        if number % 10 == 0 or number == deploys:
            watched.used[number] = used
            count = len(docker("ps", "--all", "--quiet").split()), len(docker("images", "--quiet").split())
            print(
                f"{number:4} deploys: {used / 1e6:6.0f} MB used, {count[0]} containers, {count[1]} images", flush=True
            )
        if len(watched.problems) > 5:
            return


def refused_when_full(app: App, mount: Path, watched: Watched) -> None:
    """Have somebody else fill the disk: a push is refused before it builds, the app serves on, and with room all is well."""
    before = app.body()
    filler = mount / "filler"
    found = os.statvfs(mount)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - 300_000_000))
    app.set_version("too-much")
    pushed = app.push(check=False)
    if pushed.code == 0 or "is nearly full" not in pushed.said or "docker builder prune" not in pushed.said:
        watched.problems.append(f"a full disk was not refused: {pushed.said[-600:]}")
    if app.body() != before:
        watched.problems.append("the app does not serve on a full disk")
    filler.unlink()
    app.set_version("fits-again")
    pushed = app.push(check=False)
    if app.body() != "stdlib fits-again\n":
        watched.problems.append(f"with room again it does not deploy: {pushed.said[-600:]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the deploys and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--deploys", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=32, help="of the layer that each deploy leaves")
    asked = parser.parse_args(arguments)
    enter_network()
    watched, began = Watched(), time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deployhost-disk-", dir="/var/tmp")))
        mount = stack.enter_context(small_disk(folder))
        stack.enter_context(own_server(folder, mount))
        address = os.environ["DOCKER_HOST"]
        before = make_foreign()
        cache = {line.split()[0] for line in cache_lines(address)}
        app = App(APP, folder / "app", PORT)
        app.configure(stand_in_bases=True)
        app.use("stdlib")
        (app.tree / "Procfile").unlink()
        (app.tree / "Dockerfile").write_text(DOCKERFILE.format(base=BASE, megabytes=asked.megabytes))
        deploy_on(app, mount, asked.deploys, watched)
        refused_when_full(app, mount, watched)
        after = foreign()
        left = cache - {line.split()[0] for line in cache_lines(address)}
        pruned = ask("prune")
        watched.used[asked.deploys + 1] = watched.look(mount)
        if watched.problems:
            print((folder / "deployhostd.log").read_text()[-3000:], file=sys.stderr)
    watched.problems += [f"{what} was touched" for what, identity in before.items() if after[what] != identity]
    if left:
        watched.problems.append(f"{len(left)} records of the cache that were there before are gone")
    early = max((used for number, used in watched.used.items() if number <= max(60, asked.deploys // 3)), default=0)
    late = max(watched.used.values())
    if late > early * 1.15:
        watched.problems.append(f"usage grows: {early / 1e6:.0f} MB at first, {late / 1e6:.0f} MB later")
    summary = {
        "deploys": asked.deploys,
        "seconds": round(time.monotonic() - began),
        "used_mb": {number: round(used / 1e6) for number, used in watched.used.items()},
        "most_used_mb": round(watched.most / 1e6),
        "least_free_mb": round(watched.least_free / 1e6),
        "written_mb": asked.deploys * asked.megabytes,
        "prune_at_the_end": pruned,
        "problems": watched.problems,
    }
    print(json.dumps(summary, indent=2))
    return 1 if watched.problems else 0


def cache_lines(address: str) -> list[str]:
    """Return the records of the engine's build cache, one a line that begins with its id."""
    shown = run(
        ["/usr/bin/docker", "--host", address, "system", "df", "--verbose", "--format", "{{json .BuildCache}}"]
    ).out
    return [record["ID"] for record in json.loads(shown) or ()]


if __name__ == "__main__":
    sys.exit(main())
