"""An upgrade under load: five apps on a fresh server of an earlier commit, then install.sh of this checkout, and no request lost.

    python tests/soak/upgrade.py --before 5b2a70b --rate 100 --seconds 240

A server (Debian in a container, with systemd and a Docker of its own) is set up by the earlier commit, and five apps get two
releases each. While requests go to all of them, install.sh of this checkout upgrades deployhost. Then each app is rolled back to the
release that the earlier commit made, and gets a push. Prints a table; ends with 1 if anything was not as it must be.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.fresh_server.server import PARTS, FreshServer, fresh_server, host, make_parts
from tests.soak.in_fresh_server import CHECKOUT, THERE, carry_bases

GIT = ("git", "-c", "user.name=A Person", "-c", "user.email=person@example.com", "-c", "init.defaultBranch=main")
EDIT = (  # apps.yml: settings after an app's line
    "import sys; path = '/etc/deployhost/apps.yml'; text = open(path).read(); "
    "open(path, 'w').write(text.replace(sys.argv[1], sys.argv[1] + sys.argv[2], 1))"
)
BEFORE_AND_AFTER = 10.0  # seconds of load before the upgrade, and at least so many after it


@dataclass(frozen=True)
class Sample:
    """One app: its name, which sample it is, its settings in apps.yml, and what it answers in a version."""

    name: str
    sample: str
    settings: str
    answer: str

    def says(self, version: str) -> str:
        """Return what it answers at / in a version, less the last newline."""
        return self.answer.format(version=version)


SAMPLES = (
    Sample("over", "sqlite", "    storage: true\n    strategy: overlap\n", "sqlite {version}"),
    Sample("hand", "sqlite", "    storage: true\n    strategy: handover\n", "sqlite {version}"),
    Sample("flask", "python", "", "python {version}"),
    Sample("express", "node", "", "node {version}"),
    Sample("plain", "stdlib", "", "stdlib {version}"),
)


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
    for version in ("one", "two"):
        push(server, app, version)


def load_on(server: FreshServer, app: Sample, rate: float, seconds: float) -> subprocess.Popen[str]:
    """Begin a load on an app, from within the server."""
    script = ["python3", "tests/real/load.py", "--host", f"{app.name}.localhost", "--body", app.says("two")]
    argv = ["docker", "exec", f"--workdir={THERE}", server.container, *script]
    return subprocess.Popen(
        [*argv, f"--rate={rate:g}", f"--seconds={seconds:g}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def answers(server: FreshServer, app: Sample, version: str) -> str:
    """Return what is wrong with an app's answer if it is not that version's, else ""."""
    shown = server.run("curl", "--silent", "--header", f"Host: {app.name}.localhost", "http://127.0.0.1/").strip()
    return "" if shown == app.says(version) else f"{app.name} answers {shown[:80]!r}, not version {version}"


def warnings(server: FreshServer) -> set[str]:
    """Return what `status` warns of."""
    return {
        warning["message"] for warning in json.loads(server.run("deployhost", "status", "--json"))["server"]["warnings"]
    }


def after_the_upgrade(server: FreshServer, known: set[str]) -> list[str]:
    """Roll each app back to the release that the earlier commit made, push a new one, and return what is wrong.

    `known` are the earlier commit's warnings: a container as a server has some of its own, such as a /sys that is read-only.
    """
    problems = []
    for app in SAMPLES:
        problems.append(answers(server, app, "two"))
        server.run("deployhost", "rollback", app.name)
        problems.append(answers(server, app, "one"))
        push(server, app, "three")
        problems.append(answers(server, app, "three"))
    status = json.loads(server.run("deployhost", "status", "--json"))
    states = {app["name"]: app["state"] for app in status["apps"]}
    problems += [f"{name} is {state}" for name, state in states.items() if state != "live"]
    problems += warnings(server) - known
    again = server.install("--local", "--dry-run")
    problems.append("" if "nothing to do" in again else f"a further set-up would change something: {again[-400:]}")
    return [problem for problem in problems if problem]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it, print the table, and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--before", required=True, help="the earlier commit")
    parser.add_argument("--suite", default="bookworm", help="the Debian release")
    parser.add_argument("--rate", type=float, default=100, help="requests per second, to all apps together")
    parser.add_argument("--seconds", type=float, default=240, help="of load; the upgrade has to end in that time")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        old, new = Path(scratch) / "old parts", Path(scratch) / "new parts"
        for parts in (old, new):
            parts.mkdir()
        make_parts(old, archived(asked.before, Path(scratch) / "old"))
        make_parts(new)
        with fresh_server(asked.suite, old) as server:
            print(server.install("--local"), flush=True)
            server.run("mkdir", "-p", THERE)
            server.copy(CHECKOUT / "tests", f"{THERE}/tests")
            carry_bases(server)
            for app in SAMPLES:
                add(server, app)
            before = json.loads(server.run("deployhost", "version", "--json"))
            known = warnings(server)
            server.run("rm", "-r", PARTS)
            server.copy(new, PARTS)
            began = time.monotonic()
            loads = {app.name: load_on(server, app, asked.rate / len(SAMPLES), asked.seconds) for app in SAMPLES}
            time.sleep(BEFORE_AND_AFTER)
            upgraded = server.install("--local")
            took = time.monotonic() - began - BEFORE_AND_AFTER
            reports = {
                name: json.loads(load.communicate(timeout=asked.seconds + 120)[0]) for name, load in loads.items()
            }
            print(upgraded, flush=True)
            problems = after_the_upgrade(server, known)
            print(f"before: {before}; the upgrade took {took:.0f} s")
    if took > asked.seconds - 2 * BEFORE_AND_AFTER:
        problems.append(f"the upgrade took {took:.0f} s, of which the load saw only {asked.seconds:.0f}")
    for name, report in reports.items():
        latency = report["latency_ms"]
        print(
            f"{name:<8} {report['sent']} sent, {report['failures']} failed, p99 {latency['p99']} ms, max {latency['max']} ms"
        )
        if report["failures"] or not report["sent"]:
            problems.append(
                f"{name}: {report['failures']} of {report['sent']} requests failed: {report['examples'][:3]}"
            )
    print(json.dumps({"problems": problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
