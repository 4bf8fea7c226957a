"""GitHub's double, and a person who connects this server there."""

import queue
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployhost.github.api import GitHubClient
from deployhost.github.connect import Connected, ConnectGitHub, ConnectRequest
from deployhost.github.connection import GitHubConnection
from deployhost.github.signing import signed
from deployhost.paths import Paths
from deployhost.steps import Step
from deployhost.system.clock import Clock
from tests.doubles.fixtures import authority, github_double
from tests.doubles.github.browser import Browser, Page
from tests.doubles.github.double import GitHubDouble

__all__ = ["authority", "client", "github_double", "person"]
PATIENCE = 20.0


class Hasty(Clock):
    """A clock that does not wait long between two questions."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.1))


class Steps:
    """A recorder that keeps the words of the steps."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []

    def started(self, step: Step) -> None:
        self.begun.append(step.word)

    def done(self, step: Step, said: str) -> None:
        self.ended.append(step.word)

    def failed(self, step: Step, error: Exception) -> None:
        self.ended.append(f"{step.word}: {error}")


@dataclass
class Person:
    """Somebody who runs `deployhost connect github` and has a browser."""

    double: GitHubDouble
    paths: Paths
    client: GitHubClient
    lines: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)
    told: list[str] = field(default_factory=list)
    pasted: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)
    steps: Steps = field(default_factory=Steps)

    def browser(self, login: str = "octo") -> Browser:
        return self.double.browser(login)

    def connecting(self) -> ConnectGitHub:
        return ConnectGitHub(
            self.paths, self.client, tell=self._tell, pasted=self._paste, clock=Hasty(), host="web1.example.com"
        )

    def connect(self, act: Callable[["Person"], object] = lambda _: None, org: str = "") -> Connected:
        """Run the command while `act` does what a person does, and return how it ended."""
        request = ConnectRequest(org=org, html_url=self.double.web)
        failed: list[BaseException] = []

        def acting() -> None:
            try:
                act(self)
            except BaseException as error:  # the test's own thread raises it
                failed.append(error)

        thread = threading.Thread(target=acting)
        thread.start()
        try:
            done = self.connecting().run(request, self.steps)
        finally:
            thread.join(PATIENCE)
            if failed:
                raise failed[0]
        return done

    def address(self) -> str:
        """Wait for the page's address."""
        return self._line(r"http://127\.0\.0\.1:\d+/\S+")

    def install_page(self) -> str:
        """Wait for the page on which the App is installed."""
        return self._line(r"https://\S+/installations/new")

    def make(self, login: str = "octo") -> Page:
        """Make the App as the page says."""
        return self.browser(login).create_app(self.address())

    def make_and_install(self, login: str = "octo") -> None:
        """Do all that a person does."""
        page = self.make(login)
        assert page.status == 200, page.text
        assert self.browser(login).install(self.install_page()).status == 200

    def _line(self, pattern: str) -> str:
        while True:
            found = re.search(pattern, self.lines.get(timeout=PATIENCE))
            if found:
                return found[0]

    def _tell(self, line: str) -> None:
        self.told.append(line)
        self.lines.put(line)

    def _paste(self, seconds: float) -> str | None:
        try:
            return self.pasted.get(timeout=min(seconds, 0.05))
        except queue.Empty:
            return None


def sign_here(connection: GitHubConnection, message: str) -> str:
    """Sign in this process: starting one for that takes longer than most tests. tests/local/github/test_signing.py has those."""
    return signed(connection.key.reveal(), message) or ""


@pytest.fixture
def client(github_double: GitHubDouble) -> Iterator[GitHubClient]:  # after the environment names the test CA
    client = GitHubClient(sign=sign_here)
    yield client
    client.close()


@pytest.fixture
def person(github_double: GitHubDouble, client: GitHubClient, tmp_path: Path) -> Person:
    return Person(github_double, Paths(tmp_path / "server"), client)
