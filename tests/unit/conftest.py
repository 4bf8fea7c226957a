"""A server on fakes, and no processes."""

from pathlib import Path

import pytest

from deployhost.model import AppName
from tests.fakes.assembled import Assembled, Server, sha
from tests.fakes.docker import WITH_WORKER
from tests.fakes.no_processes import no_process
from tests.inputs.deep_tree import deep

__all__ = ["app", "daemon", "deep", "no_process", "server"]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(tmp_path, monkeypatch)


@pytest.fixture
def app(server: Server) -> AppName:
    """Return an app whose first two commits have a worker."""
    server.behaviours[sha(1)] = server.behaviours[sha(2)] = WITH_WORKER
    return server.add("shop")


@pytest.fixture
def daemon(server: Server, app: AppName) -> Assembled:
    """Return a daemon that has that app's first commit live, and has seen that all is well."""
    daemon = server.start()
    daemon.deploy(app, sha(1))
    daemon.converge.run()
    return daemon
