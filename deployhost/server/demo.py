"""The demo: templates/demo pushed by real git as the app `hello`; the same template is the same commit, and is pushed once."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from deployhost import templates
from deployhost.control import client
from deployhost.control.client import OnEvent
from deployhost.control.results import AppsFound
from deployhost.control.views import AppView
from deployhost.errors import CommandFailed, Conflict, DeployFailed, RemoteError
from deployhost.paths import Paths
from deployhost.system import git, process
from deployhost.system.process import OnLine

APP = "hello"
BRANCH = "main"
AUTHOR = "demo@deployhost.invalid"  # by which a commit is known to be the demo's, of this version or an earlier one
WHEN = "2026-01-01T00:00:00+00:00"
PUSH_TIMEOUT = 1800.0
_GIT = {
    **git.ENVIRONMENT,
    "GIT_AUTHOR_NAME": "deployhost",
    "GIT_AUTHOR_EMAIL": AUTHOR,
    "GIT_AUTHOR_DATE": WHEN,
    "GIT_COMMITTER_NAME": "deployhost",
    "GIT_COMMITTER_EMAIL": AUTHOR,
    "GIT_COMMITTER_DATE": WHEN,
}

Outcome = Literal["kept", "pushed", "deployed"]


@dataclass(frozen=True)
class Demo:
    """Has the demo live. `on_line` gets what git shows, `on_event` a deploy's events."""

    paths: Paths
    on_line: OnLine
    on_event: OnEvent

    def run(self) -> tuple[AppView, Outcome]:
        """Return the app's AppView, live with the demo's commit, and what was done for that.

        Raises Conflict if `hello` is an app of the person's own, DeployFailed if the push did not go live.
        """
        app = self._find()
        if app is not None and not self._is_ours(app):
            raise Conflict(
                f"the app {APP} is your own: its commit {(app['head'] or '')[:7]} is not the demo's; it is left unchanged",
                hint=f"deployhost status {APP}",
            )
        with tempfile.TemporaryDirectory(prefix="deployhost-demo-") as directory:
            work = Path(directory)
            sha = commit(templates.templates_dir() / "demo", work)
            if app is not None and app["state"] == "live" and app["live"] and app["live"]["sha"] == sha:
                return app, "kept"
            if app is None:
                self._call("app.add", name=APP)
            if app is None or not app["storage"]:
                self._call("storage.enable", name=APP)
            how = self._deploy(work, sha, known=app is not None and app["head"] == sha)
        done = self._find()
        if done is None or done["live"] is None or done["live"]["sha"] != sha:
            raise DeployFailed(f"the demo was pushed, but {APP} is not live with it", hint=f"deployhost status {APP}")
        return done, how

    def _deploy(self, work: Path, sha: str, *, known: bool) -> Outcome:
        if known:  # pushed before, and not live: git would have nothing to send
            self._call("deploy.start", name=APP, follow=True)
            return "deployed"
        repository = self.paths.repos / f"{APP}.git"
        # Forced: the demo of another version has a history of its own.
        argv = ["git", "push", str(repository), f"+{sha}:refs/heads/{BRANCH}"]
        try:
            process.run(argv, env=_GIT, cwd=work, timeout=PUSH_TIMEOUT, on_line=self._pushed_line)
        except CommandFailed as error:
            raise DeployFailed("the push of the demo failed", hint=f"deployhost status {APP}") from error
        return "pushed"

    def _pushed_line(self, line: str) -> None:
        if line.startswith("remote:"):
            self.on_line(line.removeprefix("remote:").removeprefix(" ").rstrip())

    def _is_ours(self, app: AppView) -> bool:
        """Return whether what was pushed to the app, if anything, is the demo of some version."""
        head = app["head"] or (app["live"]["sha"] if app["live"] else None)
        if head is None:
            return True
        argv = ["git", "log", "-1", "--format=%ae", str(head)]
        said = process.run(argv, env=_GIT, cwd=self.paths.repos / f"{APP}.git", timeout=30, check=False)
        if said.code != 0:  # the journal remembers an app of that name that was removed; nothing of it is left
            return app["live"] is None
        return said.stdout.strip() == AUTHOR

    def _find(self) -> AppView | None:
        try:
            found: AppsFound = self._call("app.status", name=APP)
        except RemoteError as error:
            if error.code == "app_not_found":
                return None
            raise
        (app,) = found["apps"]
        return app if app["listed"] else None

    def _call(self, op: str, **arguments: Any) -> Any:
        return client.call(str(self.paths.control_socket), op, self.on_event, **arguments)


def commit(template: Path, work: Path) -> str:
    """Make a repository with one commit of the demo's files in an empty directory and return the commit's sha.

    The sha depends on the files' names and content only: people, dates, modes and settings are fixed.
    """
    shutil.copytree(template, work, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for arguments in (
        ["init", "--quiet", f"--initial-branch={BRANCH}"],
        ["-c", "core.fileMode=false", "-c", "core.autocrlf=false", "add", "--all", "--force"],
        ["commit", "--quiet", "--message=The demo of deployhost"],
    ):
        process.run(["git", *arguments], env=_GIT, cwd=work, timeout=30)
    return (work / ".git/refs/heads" / BRANCH).read_text(encoding="ascii").strip()
