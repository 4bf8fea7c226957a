"""An upgrade under load: five apps on a fresh server of an earlier commit, then install.sh of this checkout, and no request lost.

    python tests/soak/upgrade.py --before fffa9ce --suite trixie --rate 100
    python tests/soak/upgrade.py --before fffa9ce --without-systemd --kills 4

A server (Debian in a container, with systemd and a Docker of its own) is set up by the earlier commit, and five apps get two
releases each: two with storage that is written to, one of them with `engine: kamal`. While requests go to all of them, install.sh of
this checkout upgrades deployhost. Then, still under load, each app is rolled back to the release that the earlier commit made, gets a
push, is rolled back once more, and gets two more pushes. Files, users, storage and what stands in the arguments of processes are
looked at (tests/soak/upgraded.py), once more after a reboot. With `--kills` the upgrade is killed so many times, each time a moment
later, before it may end. Prints a table; ends with 1 if anything was not as it must be.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.fresh_server.server import INSTALL, PARTS, FreshServer, fresh_server, host, make_parts, until
from tests.soak import upgraded
from tests.soak.in_fresh_server import CHECKOUT, THERE, carry_bases

GIT = ("git", "-c", "user.name=A Person", "-c", "user.email=person@example.com", "-c", "init.defaultBranch=main")
EDIT = (  # apps.yml: settings after an app's line
    "import sys; path = '/etc/deployhost/apps.yml'; text = open(path).read(); "
    "open(path, 'w').write(text.replace(sys.argv[1], sys.argv[1] + sys.argv[2], 1))"
)
QUIET = 10.0  # seconds of load before the upgrade, and after it
MOST_SECONDS = 1800.0
KILLED_AFTER = 3.0  # seconds after which an upgrade is killed first, and how much later each time
STARTED = ("sh", "-c", 'echo $$ >"$0"; exec python3 "$@"')  # writes down its process


@dataclass(frozen=True)
class Sample:
    """One app: its name, which sample it is, its settings in apps.yml, where it answers and what in a version."""

    name: str
    sample: str
    settings: str
    answer: str
    path: str = "/"

    @property
    def storage(self) -> bool:
        """Return whether it keeps a database."""
        return self.sample == "sqlite"

    @property
    def generated(self) -> bool:
        """Return whether its image runs as the user that deployhost gives it."""
        return self.sample != "static"

    def says(self, version: str) -> str:
        """Return what it answers in a version, less the last newline."""
        return self.answer.format(version=version)


SAMPLES = (
    Sample("plain", "stdlib", "", "stdlib {version}"),
    Sample("flask", "python", "", "python {version}"),
    Sample("site", "static", "", "{version}", "/version.txt"),
    Sample("kept", "sqlite", "    storage: true\n", "sqlite {version}"),
    Sample("carried", "sqlite", "    storage: true\n    strategy: overlap\n    engine: kamal\n", "sqlite {version}"),
)
VERSIONS = ("one", "two", "three", "four", "five")
STEPS = (
    ("one", False),
    ("three", True),
    ("two", False),
    ("four", True),
    ("five", True),
)  # versions, and whether pushed


def archived(commit: str, directory: Path) -> Path:
    """Put the files of an earlier commit of this checkout into a directory, and return it."""
    directory.mkdir()
    tar = directory.with_suffix(".tar")
    host("git", "-C", str(CHECKOUT), "archive", "--output", str(tar), commit)
    host("tar", "--extract", "--file", str(tar), "--directory", str(directory))
    return directory


def push(server: FreshServer, app: Sample, version: str) -> None:
    """Commit a version of an app on the server and push it."""
    tree = f"/root/apps/{app.name}"
    server.write(f"{version}\n", f"{tree}/version.txt")
    server.run(*GIT, "-C", tree, "add", "--all")
    server.run(*GIT, "-C", tree, "commit", "--quiet", "--message", version)
    server.run(*GIT, "-C", tree, "push", "--quiet", "origin", "main")


def add(server: FreshServer, app: Sample) -> None:
    """Add an app with two releases."""
    tree = f"/root/apps/{app.name}"
    server.run("mkdir", "-p", "/root/apps")
    server.copy(CHECKOUT / "tests/apps" / app.sample, tree)
    server.run(*GIT, "-C", tree, "init", "--quiet")
    server.run(*GIT, "-C", tree, "remote", "add", "origin", f"/var/lib/deployhost/repos/{app.name}.git")
    server.run("deployhost", "add", app.name)
    server.run("python3", "-c", EDIT, f"  {app.name}:\n", app.settings)
    for version in VERSIONS[:2]:
        push(server, app, version)
        print(f"{app.name}: version {version}", flush=True)


def note(app: Sample, what: str) -> str:
    """Return the path of a file on the server about an app's load."""
    return f"/root/{app.name}.{what}"


def load_on(server: FreshServer, app: Sample, rate: float) -> subprocess.Popen[str]:
    """Begin a load on an app, from within the server; half of what goes to one with a database writes."""
    wanted = ["--host", f"{app.name}.localhost", "--path", app.path, f"--rate={rate:g}", f"--seconds={MOST_SECONDS:g}"]
    wanted += [word for version in VERSIONS for word in ("--body", app.says(version))]
    wanted += ["--writes=0.5", "--entries", note(app, "entries")] if app.storage else []
    there = ["docker", "exec", f"--workdir={THERE}", server.container, *STARTED]
    return subprocess.Popen(
        [*there, note(app, "load"), "tests/real/load.py", *wanted],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def arguments_watched(server: FreshServer, seen: list[str]) -> Iterator[None]:
    """While it is entered, an account without rights reads the arguments of every process; lines of them follow in `seen`."""
    watch = subprocess.Popen(
        ["docker", "exec", server.container, *STARTED, "/root/watch.pid", "-c", upgraded.WATCH],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield
    finally:
        server.run("sh", "-c", 'kill "$(cat /root/watch.pid)"')
        seen += watch.communicate(timeout=60)[0].splitlines()


def answers(server: FreshServer, app: Sample, version: str) -> list[str]:
    """Return what is wrong with an app's answer if it is not that version's."""
    where = ("--header", f"Host: {app.name}.localhost", f"http://127.0.0.1{app.path}")
    shown = server.run("curl", "--silent", *where).strip()
    return [] if shown == app.says(version) else [f"{app.name} answers {shown[:80]!r}, not version {version}"]


def longest(server: FreshServer, app: Sample) -> str:
    """Return the stage of an app's last deploy that took longest."""
    status = json.loads(server.run("deployhost", "status", app.name, "--json"))
    phases = [
        phase for phase in status["apps"][0]["last_deploy"]["phases"] if phase["name"] != "live"
    ]  # which is their sum
    most = max(phases, key=lambda phase: float(phase["ms"]))
    return f"of which {most['name']} {most['ms'] / 1000:.1f} s"


def there_and_back(server: FreshServer, app: Sample) -> list[str]:
    """Roll an app back to the earlier commit's release before the live one, push, roll back again, push twice; return what is wrong.

    Where the user changes, the deploy is deployhost's own; the last one is Kamal's for an app with `engine: kamal`.
    """
    shas = server.run(*GIT, "-C", f"/root/apps/{app.name}", "rev-list", "--reverse", "HEAD").split()
    problems = []
    for step, (version, own) in enumerate(STEPS):
        began = time.monotonic()
        try:
            if own:
                push(server, app, version)
            else:
                server.run("deployhost", "rollback", app.name, shas[VERSIONS.index(version)])
        except AssertionError as error:
            problems.append(f"{app.name}, step {step + 1}, to {version}: {str(error)[-600:]}")
            continue
        took, what = time.monotonic() - began, "push" if own else "rollback"
        print(f"{app.name}: {what} to {version} in {took:.1f} s, {longest(server, app)}", flush=True)
        problems += answers(server, app, version)
        if app.generated:
            problems += upgraded.misplaced(server, app.name, own=own, storage=app.storage)
    return problems


def after_the_upgrade(server: FreshServer, before: upgraded.Kept) -> list[str]:
    """Look at what the upgrade left and mended, deploy each app there and back, and return what is wrong."""
    problems = [] if server.containers() == before.containers else ["a container is another one"]
    problems += upgraded.files(server)
    for app in SAMPLES:
        problems += answers(server, app, "two")
        if app.generated:
            problems += upgraded.misplaced(server, app.name, own=False, storage=app.storage)
    seen: list[str] = []
    with arguments_watched(server, seen):
        for app in SAMPLES:
            problems += there_and_back(server, app)
    logins = [line for line in seen if upgraded.LOGIN in line]
    print(f"argument lists seen: {len(seen)}, of which log in: {logins}", flush=True)
    problems += upgraded.told_in_argv("\n".join(seen))
    if not logins:
        problems.append("Kamal was not seen to log in: nothing is known of what stands in its arguments")
    return problems + upgraded.files(server)


def settled(server: FreshServer, known: set[str]) -> list[str]:
    """Set the server up once more, and return what that changed, and what `status` does not like.

    `known` are the earlier commit's warnings: a container as a server has some of its own, such as a /sys that is read-only.
    """
    containers, listed = server.containers(), server.run("sh", "-c", upgraded.LISTED)
    again = server.install("--local")
    problems = [] if "nothing to do" in again else [f"a further set-up changes something: {again[-400:]}"]
    if server.containers() != containers:
        problems.append("a further set-up changes containers")
    now = set(server.run("sh", "-c", upgraded.LISTED).splitlines())
    problems += [f"a further set-up changes files: {line}" for line in sorted(now ^ set(listed.splitlines()))]
    status = json.loads(server.run("deployhost", "status", "--json"))
    problems += [f"{app['name']} is {app['state']} {app['note']}" for app in status["apps"] if app["state"] != "live"]
    notes = {app["name"]: app["note"] for app in status["apps"] if app["note"]}
    print(f"notes: {notes}; warnings: {sorted(upgraded.warnings(server))}", flush=True)
    return problems + sorted(upgraded.warnings(server) - known)


def judged(server: FreshServer, loads: dict[str, subprocess.Popen[str]]) -> list[str]:
    """End the loads, print what came of each, and return what is wrong; a rollback brings an older answer, which is no failure."""
    problems = []
    for app in SAMPLES:
        server.run("sh", "-c", 'kill -INT "$(cat "$0")"', note(app, "load"))
        said, trouble = loads[app.name].communicate(timeout=120)
        if not said:
            problems.append(f"{app.name}: the load broke off: {trouble[-400:]}")
            continue
        report = json.loads(said)
        failed, latency = report["failures"] - report["backwards"], report["latency_ms"]
        writes, wrong = upgraded.lost(server, app.name, note(app, "entries")) if app.storage else (0, [])
        problems += wrong
        print(
            f"{app.name:<8} {report['sent']} sent in {report['seconds']:.0f} s, {failed} failed, {writes} writes; "
            f"p99 {latency['p99']} ms, held {report['held']}, max {max(latency['max'], report['write_latency_ms']['max'])} ms"
        )
        if failed or not report["sent"]:
            problems.append(f"{app.name}: {failed} of {report['sent']} requests failed: {report['examples'][:3]}")
    return problems


def killed(server: FreshServer, seconds: float) -> str:
    """Upgrade a server, kill that after so many seconds, with all it started, and return what it wrote until then."""
    own_group = ("setsid", "--wait", "sh", "-c", 'echo $$ >/root/upgrade.pid; exec "$@"', "sh", *INSTALL, "--local")
    running = server.start(*own_group)
    time.sleep(seconds)
    server.run("kill", "-KILL", "--", f"-{server.run('cat', '/root/upgrade.pid').strip()}", check=False)
    with contextlib.suppress(AssertionError):
        running.wait(30)
    return running.said


def after_a_reboot(server: FreshServer) -> list[str]:
    """Reboot a server and return what is wrong then."""
    server.reboot()
    if not server.systemd:
        server.install("--local")
    until(lambda: not any(answers(server, app, VERSIONS[-1]) for app in SAMPLES), 120)
    return [f"after a reboot: {problem}" for problem in upgraded.files(server)]


def upgrade(server: FreshServer, new: Path, rate: float, kills: int) -> list[str]:
    """Upgrade a server of the earlier commit under load, and return what is wrong."""
    before = upgraded.kept(server)
    server.run("rm", "-r", PARTS)
    server.copy(new, PARTS)
    loads = {app.name: load_on(server, app, rate / len(SAMPLES)) for app in SAMPLES}
    time.sleep(QUIET)
    for number in range(kills):
        print(killed(server, KILLED_AFTER * (number + 1)), "-- killed --", sep="\n", flush=True)
    began = time.monotonic()
    print(server.install("--local"), flush=True)
    print(f"the upgrade took {time.monotonic() - began:.0f} s", flush=True)
    time.sleep(QUIET)
    problems = after_the_upgrade(server, before)
    problems += settled(server, before.warnings)
    problems += judged(server, loads)
    return problems + after_a_reboot(server)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, print the table, and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--before", required=True, help="the earlier commit")
    parser.add_argument(
        "--suite", default="trixie", help="the Debian release; bookworm has no buildx, which Kamal needs"
    )
    parser.add_argument("--rate", type=float, default=100, help="requests per second, to all apps together")
    parser.add_argument("--without-systemd", action="store_true", help="on a server that is supervised instead")
    parser.add_argument("--kills", type=int, default=0, help="how often the upgrade is killed before it may end")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        old, new = Path(scratch) / "old parts", Path(scratch) / "new parts"
        for parts in (old, new):
            parts.mkdir()
        make_parts(old, archived(asked.before, Path(scratch) / "old"))
        make_parts(new)
        with fresh_server(asked.suite, old, systemd=not asked.without_systemd, purpose="upgrade") as server:
            print(server.install("--local"), flush=True)
            server.run("mkdir", "-p", THERE)
            server.copy(CHECKOUT / "tests", f"{THERE}/tests")
            carry_bases(server)
            print(server.run("deployhost", "setup", "--local", "--kamal", "--yes"), flush=True)
            for app in SAMPLES:
                add(server, app)
            print(server.run("deployhost", "version"), flush=True)
            problems = upgrade(server, new, asked.rate, asked.kills)
    print(json.dumps({"problems": problems}, indent=2))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
