"""One app attacks all others by what it pushes: another app's pushes go live all the same, its requests are answered, and `cancel` works.

    python tests/soak/attackers.py
    python tests/soak/attackers.py --only trickle --only flood

On an engine and a deployhost of their own, with everything they keep on an ext4 file system of 4 GB in a file. While each attack runs,
another app is pushed under 100 requests a second. Needs root, and python:3.13-slim and kamal-proxy in this machine's own engine. Prints a
table and JSON; ends with 1 if a request failed, a push took longer than 3 times its quiet time and 20 s more, a cancelled attack
lasted longer than 3 s, or the daemon kept more memory than it may.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deployhost.control.client import call
from tests.real.load import Load, Target
from tests.real.system_under_test import GIT_ENVIRONMENT, App, Push, ask, command, eventually
from tests.soak.disk import small_disk
from tests.soak.own_server import BASE, PORT, enter_network, own_server
from tests.soak.trickling_registry import TricklingRegistry

RATE = 100.0  # requests a second
QUIET_PUSHES = 5
SETTLES = 4.0  # seconds for an attack to be at work
TIMES, SPARE = 3.0, 20.0  # a push may take so many times its quiet time, and so many seconds more
CANCELLED_WITHIN = 3.0
MOST_MEMORY = 100e6  # bytes of the daemon during an attack
MOST_LEFT = 20e6  # … that may be more than before, a minute after all of them
AFTERWARDS = 60.0
SETTINGS = "disk_reserve: 2g\nregistries: [127.0.0.1:5999]\n"
HOLD = "import signal, time\nsignal.pause()\n"
CONTINUE = """\
import os, socket, threading
server = socket.create_server(("0.0.0.0", int(os.environ["PORT"])))
def endless(connection):
    try:
        connection.recv(4096)
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\\r\\n\\r\\n" * 100)
    except OSError:
        pass
while True:
    threading.Thread(target=endless, args=(server.accept()[0],), daemon=True).start()
"""
SILENT = """\
import signal, socket
held = [socket.create_server(("0.0.0.0", port)) for port in range(7000, 7012)]
signal.pause()
"""
FLOOD = """\
import sys, time
until = time.monotonic() + {seconds}
while time.monotonic() < until:
    sys.stdout.write("a line of output that is as long as those of a compiler are on average, or of npm\\n" * 1000)
    sys.stdout.flush()
    time.sleep(0.1)
sys.exit(1)
"""
DEEP = """\
import http.server, os, socketserver
for number in range(30):
    os.chdir("/storage")
    for level in range(1300):
        os.makedirs(f"{number}" if level == 0 else "d", exist_ok=True)
        os.chdir(f"{number}" if level == 0 else "d")
os.chdir("/")
socketserver.TCPServer(("0.0.0.0", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
SPREAD = "import time\nwhile True: time.sleep(1)\n"


@dataclass
class Outcome:
    """What came of one attack: seconds, megabytes, requests."""

    attack: str
    push_seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)  # of that push, those that took longest
    cancel_seconds: float | None = None
    failed: int = 0
    sent: int = 0
    most_mb: float = 0.0
    ended: str = ""
    problems: list[str] = field(default_factory=list)


class Memory:
    """Watches the resident memory of a process, in bytes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def now(self) -> int:
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.most = max(self.most, self.now())


@dataclass(frozen=True)
class Server:
    """The daemon's process id and control socket."""

    pid: int
    socket: str


# What the attacker pushes. Each returns the push, and whether there is anything to cancel once it is at work.

Attack = Callable[[App], tuple[Push, bool]]


def dockerfile(app: App, text: str, **files: str) -> Push:
    """Push a Dockerfile and files."""
    for entry in app.tree.iterdir():
        if entry.name != ".git":
            entry.unlink()
    (app.tree / "Dockerfile").write_text(text)
    for name, content in files.items():
        (app.tree / f"{name}.py").write_text(content)
    app.commit(f"attack {time.time_ns()}")
    return app.begin_push("--force", "main")


def trickle(app: App) -> tuple[Push, bool]:
    """A registry sends a layer a byte at a time."""
    return dockerfile(app, "FROM 127.0.0.1:5999/evil:latest\n"), True


def continue_for_ever(app: App) -> tuple[Push, bool]:
    """The app answers `100 Continue` for ever."""
    return dockerfile(app, f'FROM {BASE}\nCOPY . /app\nCMD ["python", "/app/main.py"]\n', main=CONTINUE), True


def silent_ports(app: App) -> tuple[Push, bool]:
    """The app listens at a dozen ports and says nothing."""
    return dockerfile(app, f'FROM {BASE}\nCOPY . /app\nCMD ["python", "/app/main.py"]\n', main=SILENT), True


def long_build(app: App) -> tuple[Push, bool]:
    """A build does not end."""
    return dockerfile(app, f"FROM {BASE}\nCOPY . /app\nRUN python /app/main.py\n", main=SPREAD), True


def flood(app: App) -> tuple[Push, bool]:
    """A build writes 10,000 lines a second for a minute, in four steps at once, since BuildKit bounds each."""
    steps = "".join(f"FROM {BASE} AS s{n}\nCOPY . /app\nRUN : {n}; python -u /app/main.py\n" for n in range(4))
    copies = "".join(f"COPY --from=s{n} /etc/hostname /{n}\n" for n in range(4))
    return dockerfile(app, f"{steps}FROM {BASE}\n{copies}", main=FLOOD.format(seconds=60)), True


def fill_disk(app: App) -> tuple[Push, bool]:
    """A build writes until the disk is full."""
    return dockerfile(app, f"FROM {BASE}\nRUN : {time.time_ns()}; dd if=/dev/zero of=/filler bs=1M\n"), False


def git(app: App, *arguments: str, stdin: str = "") -> str:
    """Run git in the attacker's clone and return what it says."""
    environ = {**os.environ, **GIT_ENVIRONMENT}
    argv = ["git", *arguments]
    done = subprocess.run(argv, cwd=app.tree, env=environ, input=stdin, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def git_bomb(app: App) -> tuple[Push, bool]:
    """Ten objects are a billion files."""
    made, kind, mode = git(app, "hash-object", "-w", "--stdin", stdin="x"), "blob", "100644"
    for _ in range(9):
        made = git(app, "mktree", stdin="".join(f"{mode} {kind} {made}\t{number}\n" for number in range(10)))
        kind, mode = "tree", "040000"
    sha = git(app, "commit-tree", made, "-m", f"bomb {time.time_ns()}")
    return app.begin_push("--force", f"{sha}:refs/heads/main"), False


def long_subject(app: App) -> tuple[Push, bool]:
    """A commit's subject has 60 MB."""
    tree = git(app, "mktree", stdin="")
    text = f"tree {tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n{time.time_ns()}{'s' * 60_000_000}\n"
    sha = git(app, "hash-object", "-w", "-t", "commit", "--stdin", stdin=text)
    return app.begin_push("--force", f"{sha}:refs/heads/main"), False


def deep_commit(app: App) -> tuple[Push, bool]:
    """A commit's folders are 1,300 deep."""
    app.use("stdlib")
    blob = git(app, "hash-object", "-w", "version.txt")
    git(app, "update-index", "--add", "--cacheinfo", f"100644,{blob},{'d/' * 1300}file")
    git(app, "commit", "--quiet", "--message", f"deep {time.time_ns()}")
    return app.begin_push("--force", "main"), False


def deep_storage(app: App) -> tuple[Push, bool]:
    """An app leaves folders 1,300 deep in its storage, 39,000 in all, and is removed."""
    app.configure(storage=True)
    dockerfile(app, f'FROM {BASE}\nCOPY . /app\nCMD ["python", "/app/main.py"]\n', main=DEEP).wait(300)
    argv = [command(), "remove", app.name, "--yes", "--storage"]
    return Push(subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)), False


ATTACKS: dict[str, Attack] = {
    "trickle": trickle,
    "continue": continue_for_ever,
    "silent": silent_ports,
    "long": long_build,
    "bomb": git_bomb,
    "subject": long_subject,
    "disk": fill_disk,
    "flood": flood,
    "deep": deep_commit,
    "removal": deep_storage,  # the last one, since the attacker is gone then
}


def pushed(app: App, number: int) -> float:
    """Push a new version of the app under load, and return the seconds until it is live."""
    app.set_version(f"version-{number}")
    began = time.monotonic()
    app.push()
    return time.monotonic() - began


def longest(app: App) -> dict[str, float]:
    """Return the three stages of an app's last deploy that took longest, in seconds."""
    stages = {stage["name"]: stage["ms"] / 1000 for stage in app.last_deploy()["phases"] if stage["name"] != "live"}
    return {name: round(stages[name], 2) for name in sorted(stages, key=lambda name: -stages[name])[:3]}


def cancel(app: App, socket: str) -> float:
    """Cancel the app's deploys and return the seconds until they have ended; the command line's own start is left out."""
    began = time.monotonic()
    call(socket, "deploy.cancel", timeout=30, name=app.name, by="soak")

    def ended() -> bool:
        newest = call(socket, "deploys.list", timeout=30, name=app.name, limit=1)["deploys"][0]
        return bool(newest["status"] != "running")

    eventually(ended, within=60, what="the attack has ended")
    return time.monotonic() - began


def how_it_ended(attacker: App) -> str:
    """Return what became of the attacker's last deploy, or that it is gone."""
    if attacker.name not in {app["name"] for app in ask("status")["apps"]}:
        return "removed"
    last = attacker.last_deploy()
    return f"{last['status']}: {(last['error'] or {}).get('message', '')}"[:120]


def under(name: str, attacker: App, victim: App, server: Server, number: int) -> Outcome:
    """Push the victim while an attack runs, cancel it, and return what came of that."""
    outcome = Outcome(name)
    bodies = [victim.body().encode(), f"stdlib version-{number}\n".encode()]
    load = Load(Target(victim.host, port=PORT), rate=RATE, allowed=bodies, most_seconds=900).start()
    with Memory(server.pid) as memory:
        push, cancellable = ATTACKS[name](attacker)
        time.sleep(0 if name == "removal" else SETTLES)
        outcome.push_seconds = round(pushed(victim, number), 2)
        outcome.stages = longest(victim)
        if name == "flood":
            time.sleep(60)  # all of its minute
        if cancellable and attacker.last_deploy()["status"] == "running":
            outcome.cancel_seconds = round(cancel(attacker, server.socket), 2)
        push.wait(300)
        outcome.most_mb = round(memory.most / 1e6, 1)
    report = load.stop()
    outcome.sent, outcome.failed = report.sent, report.failures
    outcome.ended = how_it_ended(attacker)
    if cancellable and outcome.cancel_seconds is None and name != "flood":  # which ends by itself
        outcome.problems.append("it ended before it could be cancelled, so that it proves nothing")
    if outcome.failed:
        outcome.problems += report.examples[:3]
    return outcome


def judge(outcome: Outcome, quiet: float) -> None:
    """Note what was not as it must be."""
    if outcome.push_seconds > TIMES * quiet + SPARE:
        outcome.problems.append(f"the other app's push took {outcome.push_seconds} s")
    if outcome.failed:
        outcome.problems.append(f"{outcome.failed} of {outcome.sent} requests failed")
    if outcome.cancel_seconds is not None and outcome.cancel_seconds > CANCELLED_WITHIN:
        outcome.problems.append(f"cancel took {outcome.cancel_seconds} s")
    if outcome.most_mb * 1e6 > MOST_MEMORY:
        outcome.problems.append(f"the daemon took {outcome.most_mb} MB")


def show(outcomes: Sequence[Outcome]) -> None:
    """Print the table."""
    print(f"\n{'attack':10} {'push':>7} {'cancel':>7} {'requests':>9} {'failed':>6} {'most MB':>8}  how it ended")
    for one in outcomes:
        ended = "-" if one.cancel_seconds is None else f"{one.cancel_seconds:.2f}"
        print(
            f"{one.attack:10} {one.push_seconds:7.2f} {ended:>7} {one.sent:9} {one.failed:6} {one.most_mb:8.1f}  {one.ended}"
        )
        for problem in one.problems:
            print(f"{'':10} NOT WELL: {problem}")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the attacks and return 0 if all was well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--only", action="append", choices=tuple(ATTACKS), help="these attacks alone")
    only = parser.parse_args(arguments).only
    wanted = [name for name in ATTACKS if only is None or name in only]
    enter_network()
    outcomes: list[Outcome] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deployhost-attackers-", dir="/var/tmp")))
        mount = stack.enter_context(small_disk(folder))
        stack.enter_context(TricklingRegistry(5999))
        paths = stack.enter_context(own_server(folder, mount, SETTINGS))
        victim, attacker = App("victim", folder / "victim", PORT), App("attacker", folder / "attacker", PORT)
        for app in (victim, attacker):
            app.configure(stand_in_bases=True)
        victim.use("stdlib")
        attacker.use("stdlib")
        victim.push()
        attacker.push()
        quiet = statistics.median(pushed(victim, number) for number in range(QUIET_PUSHES))
        server = Server(int(ask("status")["server"]["pid"]), str(paths.control_socket))
        with Memory(server.pid) as memory:
            before = memory.now()
        for number, name in enumerate(wanted, start=100):
            outcomes.append(under(name, attacker, victim, server, number))
            judge(outcomes[-1], quiet)
            show(outcomes[-1:])
        time.sleep(AFTERWARDS)
        left = memory.now() - before
        if any(one.problems for one in outcomes):
            print((folder / "deployhostd.log").read_text()[-3000:], file=sys.stderr)
    show(outcomes)
    summary = {
        "quiet_push_seconds": round(quiet, 2),
        "memory_before_mb": round(before / 1e6, 1),
        "memory_left_mb": round(left / 1e6, 1),
        "attacks": [asdict(one) for one in outcomes],
    }
    print(json.dumps(summary, indent=2))
    return 1 if left > MOST_LEFT or any(one.problems for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
