"""The running system as a person meets it: the `deployhost` command, `git`, and HTTP through kamal-proxy. Nothing is faked.

`*.localhost` does not resolve in glibc programs, so requests go to 127.0.0.1 and say which app they mean in the Host header.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployhost.config import apps
from deployhost.config.yaml_edit import YamlText
from deployhost.control.client import call
from deployhost.paths import Paths

HERE = Path(__file__).resolve().parents[1]
CHECKOUT = HERE.parent
SAMPLES = HERE / "apps"

GIT_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.com",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


def command() -> str:
    """Return the installed `deployhost`, or the one of the environment that runs the tests."""
    return shutil.which("deployhost") or str(Path(sys.executable).parent / "deployhost")


def docker(*arguments: str, check: bool = True) -> str:
    """Given arguments, run docker and return what it printed."""
    program = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"docker {arguments[0]} failed: {done.stderr}")
    return done.stdout.strip()


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit code, what it wrote, and its time in seconds."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def said(self) -> str:
        """Return everything it wrote, less the colours and the `remote:` that git puts before a hook's lines."""
        plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", self.out + self.err)
        return re.sub(r"^remote: ?", "", plain.replace("\r", "\n"), flags=re.MULTILINE)


def run(argv: Sequence[str], *, cwd: Path | None = None, check: bool = True, timeout: float = 180) -> Result:
    """Given an argv, run it to its end. Raise AssertionError with its output if it fails, unless `check` is false."""
    began = time.monotonic()
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **GIT_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    result = Result(done.returncode, done.stdout, done.stderr, time.monotonic() - began)
    if check and result.code != 0:
        raise AssertionError(f"{' '.join(argv[:4])} ended with {result.code}:\n{result.said}")
    return result


def deployhost(*arguments: str, check: bool = True, timeout: float = 180) -> Result:
    """Given arguments, run the deployhost command."""
    return run([command(), *arguments], check=check, timeout=timeout)


def ask(*arguments: str, check: bool = True) -> Any:
    """Given arguments, run deployhost with --json and return its document; an error's too if `check` is false."""
    result = deployhost(*arguments, "--json", check=check)
    return json.loads(result.out)


def eventually(question: Callable[[], bool], *, within: float, what: str) -> None:
    """Given a question, return once its answer is yes. Raise AssertionError if that takes longer than `within` seconds."""
    deadline = time.monotonic() + within
    while not question():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Page:
    """An answer over HTTP."""

    status: int
    body: str
    headers: dict[str, str]


def get(
    host: str, path: str = "/", *, port: int = 80, timeout: float = 30, headers: Mapping[str, str] | None = None
) -> Page:
    """Given a host name, a path and further headers, return what kamal-proxy answers for it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Host": host, "Connection": "close", **(headers or {})})
        response = connection.getresponse()
        return Page(response.status, response.read().decode("utf-8", "replace"), dict(response.getheaders()))


@dataclass
class Push:
    """A `git push` that runs; what it writes can be read while it does."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)

    def wait(self, timeout: float = 180) -> Result:
        """Return how it ended."""
        began = time.monotonic()
        out, err = self.process.communicate(timeout=timeout)
        return Result(self.process.returncode, out, err, time.monotonic() - began)

    def interrupt(self) -> None:
        """Do what Ctrl-C in a terminal does: signal the whole foreground process group."""
        os.killpg(self.process.pid, signal.SIGINT)


def begin_push(clone: Path, *arguments: str) -> Push:
    """Given a clone and what follows `git push`, push in the background, in a process group of its own."""
    process = subprocess.Popen(
        ["git", "push", *arguments],
        cwd=clone,
        env={**os.environ, **GIT_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return Push(process)


class App:
    """One app on the server, with a clone of its repository to work in."""

    def __init__(self, name: str, tree: Path, http_port: int) -> None:
        self.name = name
        self.tree = tree
        self.http_port = http_port
        self.host = f"{name}.localhost"
        self.remote: str = ask("add", name)["remote"]
        tree.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", self.remote)

    def configure(self, **settings: bool | float | str) -> None:
        """Given settings by their keys in apps.yml, write them there; the next deploy goes by them."""

        def edit(text: YamlText, _now: apps.AppsFile) -> None:
            for key, value in settings.items():
                text.set(("apps", self.name, key), value)

        apps.change(Paths(Path(os.environ.get("DEPLOYHOST_ROOT", "/"))).apps_yml, edit)

    def git(self, *arguments: str, check: bool = True, timeout: float = 180) -> Result:
        """Given arguments, run git in the clone."""
        return run(["git", *arguments], cwd=self.tree, check=check, timeout=timeout)

    def use(self, sample: str, version: str = "one") -> None:
        """Given a sample app and a version, let the clone hold exactly that, committed."""
        for entry in self.tree.iterdir():
            if entry.name != ".git":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(SAMPLES / sample, self.tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        self.set_version(version)

    def set_version(self, version: str) -> str:
        """Given a version's name, write it where the sample app reads it, commit, and return the commit."""
        (self.tree / "version.txt").write_text(version + "\n")
        index = self.tree / "index.html"
        if index.exists():
            marked = re.sub(
                r"<!--version-->.*?<!--/version-->", f"<!--version-->{version}<!--/version-->", index.read_text()
            )
            index.write_text(marked)
        return self.commit(version)

    def commit(self, subject: str) -> str:
        """Given a subject, commit everything in the clone and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", subject)
        return self.head()

    def head(self) -> str:
        """Return the clone's commit."""
        return self.git("rev-parse", "HEAD").out.strip()

    def push(self, *arguments: str, check: bool = True) -> Result:
        """Push `main` (or what the arguments say) and return how that ended."""
        return self.git("push", "origin", *(arguments or ("main",)), check=check)

    def begin_push(self, *arguments: str) -> Push:
        """Push in the background, in a process group of its own."""
        return begin_push(self.tree, "origin", *(arguments or ("main",)))

    def get(
        self,
        path: str = "/",
        *,
        host: str | None = None,
        timeout: float = 30,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """Given a path, return what the app answers through kamal-proxy."""
        return get(host or self.host, path, port=self.http_port, timeout=timeout, headers=headers)

    def body(self, path: str = "/") -> str:
        """Given a path, return the body of the app's answer. Raise AssertionError if its status is not 200."""
        page = self.get(path)
        assert page.status == 200, f"{self.host}{path} answered {page.status}: {page.body[:200]}"
        return page.body

    def status(self) -> dict[str, Any]:
        """Return the app as `deployhost status NAME --json` shows it."""
        found: list[dict[str, Any]] = ask("status", self.name)["apps"]
        assert [app["name"] for app in found] == [self.name]
        return found[0]

    def last_deploy(self) -> dict[str, Any]:
        """Return the newest deploy. Raise AssertionError if there is none."""
        deploy: dict[str, Any] | None = self.status()["last_deploy"]
        assert deploy is not None, f"{self.name} has no deploy"
        return deploy

    def settled(self, within: float = 60) -> dict[str, Any]:
        """Return the newest deploy once it has ended."""
        eventually(
            lambda: self.last_deploy()["status"] not in ("queued", "running"),
            within=within,
            what="the deploy has ended",
        )
        return self.last_deploy()

    def deploys(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the newest deploys with their phases, newest first."""
        answer = call(str(Paths().control_socket), "deploys.list", timeout=30, name=self.name, limit=limit)
        found: list[dict[str, Any]] = answer["deploys"]
        return found

    def containers(self, *, running: bool = True) -> set[str]:
        """Return the names of the app's containers."""
        everything = () if running else ("--all",)
        listed = docker("ps", *everything, "--filter", f"label=service={self.name}", "--format", "{{.Names}}")
        return set(listed.split())

    def remove(self) -> None:
        """Remove the app with its storage; one that is gone is no error."""
        deployhost("remove", self.name, "--yes", "--storage", check=False)


def server() -> dict[str, Any]:
    """Return the server as `deployhost status --json` shows it. Raise AssertionError if deployhostd does not answer."""
    shown: dict[str, Any] = ask("status")["server"]
    return shown


def answers() -> bool:
    """Return whether deployhostd answers."""
    try:
        return deployhost("status", "--json", check=False, timeout=30).code == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def set_up() -> None:
    """Set this machine up, unless it is: what a person does who follows the README."""
    if not answers():
        run([str(CHECKOUT / "install.sh"), "--local"], timeout=900)


def kill_daemon(pid: int) -> int:
    """Given deployhostd's process id, kill it with SIGKILL and return that id."""
    os.kill(pid, signal.SIGKILL)
    return pid


def daemon_returns(killed: int, within: float = 30) -> None:
    """Given the process id of a daemon that was killed, return once another one answers."""
    eventually(lambda: answers() and server()["pid"] != killed, within=within, what="deployhostd is back")


@contextlib.contextmanager
def app_on(sample: str, name: str, tree: Path) -> Iterator[App]:
    """Given a sample, a name and a directory, add an app with that sample committed; remove it at the end."""
    deployhost("remove", name, "--yes", "--storage", check=False)  # what a test that was killed left behind
    app = App(name, tree, int(server()["http_port"]))
    try:
        app.use(sample)
        yield app
    finally:
        app.remove()
