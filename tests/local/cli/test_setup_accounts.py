"""setup as a process beside the doubles of Cloudflare and GitHub: without a terminal, with a browser, and killed at the browser.

The machine's own part is left out, which tests/e2e/fresh_server has.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployhost.edge import connection
from deployhost.github.connection import load_all
from deployhost.paths import Paths
from tests.doubles.fixtures import CloudflareAccount, authority, cloudflare_account, cloudflare_double, github_double
from tests.doubles.github.double import GitHubDouble

__all__ = ["authority", "cloudflare_account", "cloudflare_double", "github_double"]

CHECKOUT = Path(__file__).parents[3]
PROGRAM = """
import os, sys
import pytest
from deployhost.cli import main, setup
from deployhost.server.setup import Report
from tests.fakes.tunnel import no_cloudflared

class Machine:
    def run(self, request, recorder): return Report((), (), changed=False, http_port=80)

no_cloudflared(pytest.MonkeyPatch()).missing = False
setup._work = lambda session, checklist: Machine()
os.geteuid = lambda: 0
sys.exit(main.main(sys.argv[1:]))
"""


class SetUp:
    """A set-up that runs; its lines are kept."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "setup", *arguments],
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "DEPLOYHOST_ROOT": str(root)},
            cwd=CHECKOUT,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def until(self, pattern: str) -> str:
        """Wait for something that it writes."""
        deadline = time.monotonic() + 30
        while (found := re.search(pattern, self.said)) is None:
            assert time.monotonic() < deadline, self.said
            assert self.reader.is_alive() or re.search(pattern, self.said), self.said
            time.sleep(0.05)
        return found[0]

    def end(self) -> int:
        code = self.process.wait(60)
        self.reader.join(5)
        return code


@pytest.fixture
def started() -> Iterator[list[SetUp]]:
    made: list[SetUp] = []
    yield made
    for one in made:
        one.process.kill()
        one.process.wait(10)
        one.reader.join(5)
        if one.process.stdout is not None:
            one.process.stdout.close()


@pytest.fixture
def options(cloudflare_account: CloudflareAccount, github_double: GitHubDouble, tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "token"
    file.write_text(cloudflare_account.token.value)
    return "--cloudflare-token", str(file), "--zone", "example.com", "--github-url", github_double.web


def confirm(github: GitHubDouble, running: SetUp) -> None:
    """Do what a person does in a browser."""
    browser = github.browser("octo")
    assert browser.create_app(running.until(r"http://127\.0\.0\.1:\d+/\S+")).status == 200
    assert browser.install(running.until(r"https://\S+/installations/new")).status == 200


def all_right(paths: Paths, cloudflare: CloudflareAccount, github: GitHubDouble) -> None:
    """Have one tunnel with one record, and one App that delivers there."""
    saved = connection.load(paths)
    assert saved is not None
    (tunnel,) = cloudflare.double.state.tunnels.values()
    (record,) = cloudflare.zone.records.values()
    assert record["name"] == saved.webhook_host
    assert record["content"] == f"{tunnel.id}.cfargotunnel.com"
    (ours,) = load_all(paths)
    (app,) = github.world.apps.values()
    assert app.id == ours.app_id
    assert app.hook["url"] == f"https://{saved.webhook_host}{ours.webhook_path}"
    assert ours.webhook_secret is not None
    assert app.hook_secret == ours.webhook_secret.reveal()


def test_without_a_terminal_and_again(
    cloudflare_account: CloudflareAccount,
    github_double: GitHubDouble,
    options: tuple[str, ...],
    tmp_path: Path,
    started: list[SetUp],
) -> None:
    root = tmp_path / "server"
    running = SetUp(root, *options)
    started.append(running)
    confirm(github_double, running)
    assert running.end() == 0, running.said
    assert cloudflare_account.token.value not in running.said
    all_right(Paths(root), cloudflare_account, github_double)
    again = SetUp(root, "--json")
    started.append(again)
    assert again.end() == 0, again.said
    result: Any = json.loads(again.said[again.said.index("{") :])  # progress is before it, on standard error
    assert result["changed"] is False
    all_right(Paths(root), cloudflare_account, github_double)


def test_killed_while_a_browser_is_waited_for_and_run_again(
    cloudflare_account: CloudflareAccount,
    github_double: GitHubDouble,
    options: tuple[str, ...],
    tmp_path: Path,
    started: list[SetUp],
) -> None:
    root = tmp_path / "server"
    ended = SetUp(root, *options)
    started.append(ended)
    ended.until(r"http://127\.0\.0\.1:\d+/\S+")
    ended.process.kill()
    assert ended.end() == -signal.SIGKILL
    running = SetUp(root, "--github-url", github_double.web)
    started.append(running)
    confirm(github_double, running)
    assert running.end() == 0, running.said
    all_right(Paths(root), cloudflare_account, github_double)
