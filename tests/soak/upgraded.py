"""What an upgrade has to leave as it is, and what it has to mend, on a server in a container: files, users, arguments of processes, storage."""

import json
from dataclasses import dataclass

from tests.e2e.fresh_server.local_account import MOUNTED, attack
from tests.e2e.fresh_server.server import FreshServer

STATE = "/var/lib/deployhost"
BEFORE = 10001  # the uid of every app before each got its own
FIRST = 2**20  # … and the lowest of those
MODES = {  # the most that may be open
    STATE: 0o711,
    f"{STATE}/storage": 0o700,
    f"{STATE}/journal.db": 0o600,
    f"{STATE}/journal.db-wal": 0o600,
    f"{STATE}/journal.db-shm": 0o600,
    "/etc/deployhost/secrets": 0o700,
}
LISTED = (  # type, mode, owner and name of all that is ours, but for what a deploy leaves and what apps keep
    "find /var/lib/deployhost /etc/deployhost -maxdepth 2 -not -path '*/deploys/*' -not -path '*/builds/*' -not -name '*.db-*' "
    "-printf '%y %m %U:%G %p\\n' | sort"
)
# As an account without rights: every argument list of any process, for as long as it is let.
WATCH = """
import os, pathlib, signal, sys, time
os.setgroups([]), os.setgid(65534), os.setuid(65534)
seen, running = set(), [True]
signal.signal(signal.SIGTERM, lambda *_: running.clear())
while running:
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                seen.add((entry / "cmdline").read_bytes().replace(b"\\0", b"\\n"))
            except OSError:
                pass
    time.sleep(0.02)
for words in sorted(seen):
    print(ascii(words.decode("utf-8", "replace").split("\\n")[:-1]))
"""
REGISTRY = "127.0.0.1:5555"
LOGIN = "'login'"  # docker's, and Kamal's
NO_SECRET = "'-p', 'deployhost'"  # what Kamal insists on, for a registry that asks for no password


@dataclass(frozen=True)
class Kept:
    """What the earlier version left: the containers that run, what it warns of, and its files."""

    containers: dict[str, str]
    warnings: set[str]


def kept(server: FreshServer) -> Kept:
    """Return what must survive."""
    return Kept(server.containers(), warnings(server))


def warnings(server: FreshServer) -> set[str]:
    """Return what `status` warns of: the server's warnings."""
    found = json.loads(server.run("deployhost", "status", "--json"))
    return {warning["message"] for warning in found["server"]["warnings"]}


def files(server: FreshServer) -> list[str]:
    """Return what is wrong with modes, owners and mounts of what is ours, and what a local account gets at."""
    problems = []
    for path, most in MODES.items():
        mode, owner = server.run("stat", "--format", "%a %u:%g", path).split()
        if int(mode, 8) & ~most or owner != "0:0":
            problems.append(f"{path} has mode {mode} and belongs to {owner}")
    options = server.run("sh", "-c", MOUNTED, check=False)
    problems += [f"the storage is not mounted {flag}: {options}" for flag in ("nosuid", "nodev") if flag not in options]
    problems += [f"a local account: {what}" for what in attack(server)]
    code = server.run(
        "setpriv",
        *("--reuid=65534", "--regid=65534", "--clear-groups"),
        *("curl", "--silent", "--max-time", "5", "--output", "/dev/null", "--write-out", "%{http_code}"),
        f"http://{REGISTRY}/v2/_catalog",
        check=False,
    )
    return problems + ([] if code.strip() == "000" else [f"a local account asks the registry: {code}"])


def user(server: FreshServer, container: str) -> int:
    """Return the uid that a container's first process has."""
    pid = server.run("docker", "inspect", "--format", "{{.State.Pid}}", container).strip()
    return int(server.run("sh", "-c", f"awk '/^Uid:/ {{print $2}}' /proc/{pid}/status"))


def running(server: FreshServer, app: str) -> str:
    """Return the web container of an app that started last."""
    filters = ("--filter", f"label=service={app}", "--filter", "label=role=web")
    return server.run(
        "docker", "ps", "--latest", "--format", "{{.Names}}", "--filter", "status=running", *filters
    ).split()[0]


def owners(server: FreshServer, app: str) -> set[int]:
    """Return the uids that an app's storage and what lies in it belong to."""
    return {int(uid) for uid in server.run("find", f"{STATE}/storage/{app}", "-printf", "%U\\n").split()}


def misplaced(server: FreshServer, app: str, *, own: bool, storage: bool) -> list[str]:
    """Return what is wrong with the user of an app's live release, and with whose its storage is."""
    found = user(server, running(server, app))
    problems = [] if (found >= FIRST if own else found == BEFORE) else [f"{app} runs as {found}"]
    if storage and owners(server, app) != {found}:
        problems.append(f"{app} runs as {found}, its storage belongs to {owners(server, app)}")
    return problems


def lost(server: FreshServer, app: str, entries: str) -> tuple[int, list[str]]:
    """Given a file with the writes that an app acknowledged, return how many, and what is wrong with what its database has."""
    ask = ("curl", "--silent", "--header", f"Host: {app}.localhost")
    told = server.run("cat", entries).split()
    there = server.run(*ask, "http://127.0.0.1/entries").split()
    checked = server.run(*ask, "http://127.0.0.1/check").strip()
    missing, doubled = set(told) - set(there), len(there) - len(set(there))
    problems = [] if told else [f"{app} was not written to"]
    if missing or doubled or checked != "ok":
        problems.append(
            f"{app}: of {len(told)} writes {len(missing)} are lost, {doubled} are there twice; SQLite: {checked}"
        )
    return len(told), problems


def told_in_argv(shown: str) -> list[str]:
    """Given the argument lists that an account saw, return those that carry a password."""
    return [f"in argv: {line[:200]}" for line in shown.splitlines() if LOGIN in line and NO_SECRET not in line]
