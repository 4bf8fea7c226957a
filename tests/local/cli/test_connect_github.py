"""The command itself: killed wherever it waits, and run again; the address comes by standard input."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deployhost.cli import main
from deployhost.github.connection import load_all
from deployhost.paths import Paths
from tests.doubles.fixtures import authority, github_double
from tests.doubles.github.double import GitHubDouble

__all__ = ["authority", "github_double"]
CODE = f"import sys; sys.path.insert(0, {str(Path(main.__file__).parents[2])!r}); from deployhost.cli.main import main; sys.exit(main())"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root connects a server")


class Command:
    """`deployhost connect github` as a process of its own."""

    def __init__(self, root: Path, github: GitHubDouble, *arguments: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE, "connect", "github", "--github-url", github.web, *arguments],
            env={**os.environ, "DEPLOYHOST_ROOT": str(root)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def until(self, pattern: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found[0]
        raise AssertionError(f"it ended with {self.process.wait()}: {''.join(self.lines)}")

    def address(self) -> str:
        return self.until(r"http://127\.0\.0\.1:\d+/\S+")

    def install_page(self) -> str:
        return self.until(r"https://\S+/installations/new")

    def paste(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def end(self) -> str:
        out, _ = self.process.communicate(timeout=60)
        self.lines.append(out)
        return "".join(self.lines)


@pytest.fixture
def server(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "server")


def test_killed_wherever_it_waits(server: Paths, github_double: GitHubDouble) -> None:
    browser = github_double.browser("octo")
    first = Command(server.root, github_double)
    form = browser.open(first.address())
    first.kill()
    # The page is still open in the browser; nothing answers where it comes back to. That address goes to the second run.
    back = browser.submit(browser.submit(form))
    assert back.status == 0
    second = Command(server.root, github_double)
    second.address()
    second.paste(back.url)
    page = second.install_page()
    second.kill()
    key = load_all(server)[0].key
    assert browser.install(page).status == 200
    third = Command(server.root, github_double, "--json")
    said = third.end()
    assert third.process.returncode == 0
    assert '"installed": true' in said
    assert load_all(server)[0].key == key
    assert load_all(server)[0].installation_id is not None
    assert len(github_double.world.apps) == 1
    for text in (*first.lines, *second.lines, said):
        assert "PRIVATE KEY" not in text


def test_by_standard_input_alone(server: Paths, github_double: GitHubDouble) -> None:
    """As a program does it, and with nothing but what is printed."""
    browser = github_double.browser("octo")
    command = Command(server.root, github_double)
    address = command.address()
    form = browser.open(address)
    browser.offline.add(address.split("/")[2])
    command.paste(browser.submit(browser.submit(form)).url)
    assert browser.install(command.install_page()).status == 200
    assert command.process.stdin is not None
    open_end = os.dup(command.process.stdin.fileno())  # whoever pasted still holds the other end
    said = command.end()
    os.close(open_end)
    assert command.process.returncode == 0, said
    assert "✓ have the App installed  all repositories of octo" in said


def test_ctrl_c_and_a_closed_input(server: Paths, github_double: GitHubDouble) -> None:
    command = Command(server.root, github_double)
    command.address()
    assert command.process.stdin is not None
    command.process.stdin.close()
    time.sleep(1.2)
    assert command.process.poll() is None  # a program without a terminal has ten minutes, too
    command.process.stdin = None
    command.process.send_signal(signal.SIGINT)
    assert f"try: deployhost connect github --github-url {github_double.web}" in command.end()
    assert command.process.returncode == 130


def test_two_at_once(server: Paths, github_double: GitHubDouble) -> None:
    """Both show a page, and the first code that comes is the one that counts."""
    browser = github_double.browser("octo")
    first, second = Command(server.root, github_double), Command(server.root, github_double)
    pages = [first.address(), second.address()]
    assert browser.create_app(pages[0]).status == 200
    assert browser.install(second.install_page()).status == 200
    for one in (first, second):
        said = one.end()
        assert one.process.returncode == 0, said
    assert len(load_all(server)) == 1
    assert len(github_double.world.apps) == 1
