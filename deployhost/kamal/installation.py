"""What Kamal's CLI needs on this server to work on it: where it lies, with which environment it runs, and whether all of it answers."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from deployhost.errors import CommandFailed, CommandMissing, CommandTimedOut, KamalUnavailable
from deployhost.kamal import contract
from deployhost.paths import Paths
from deployhost.system import http
from deployhost.system.process import run
from deployhost.system.services import PATH

SETUP = "deployhost setup --kamal"
ANSWERS_WITHIN = 5.0
BRING_TIMEOUT = 1800.0


def installed(paths: Paths) -> bool:
    """Return whether set-up has brought Kamal's CLI and its key; `check` tells whether everything answers too."""
    return os.access(paths.kamal_program, os.X_OK) and paths.ssh_key.exists()


def environment(paths: Paths, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment that Kamal's CLI runs in; nothing of our own gets in but what `more` has."""
    return {
        "PATH": PATH,
        "HOME": str(paths.kamal.parent),
        "LANG": "C.UTF-8",
        "TMPDIR": str(paths.kamal_temporary),
        "DOCKER_CONFIG": str(paths.docker_config),
        **(more or {}),
    }


def bring(paths: Paths, on_line: Callable[[str], None]) -> None:
    """Have set-up bring Kamal's CLI and what it needs, in a process of its own; nothing happens if it is here. Raises KamalUnavailable."""
    if installed(paths):
        return
    argv = [str(Path(sys.prefix) / "bin/deployhost"), "setup", "--kamal"]
    try:
        run(argv, timeout=BRING_TIMEOUT, on_line=on_line)
    except (CommandFailed, CommandMissing, CommandTimedOut) as error:
        if installed(paths):
            return  # all but what only builds need, which `kamal deploy --skip-push` is not
        raise KamalUnavailable(
            "Kamal's CLI can't be installed on this server", hint=SETUP, details=error.details
        ) from error


def check(paths: Paths, ssh_port: int) -> None:
    """Return if all that Kamal's CLI needs is there and answers. Raises KamalUnavailable."""
    if not installed(paths):
        raise KamalUnavailable("Kamal's CLI is not installed on this server", hint=SETUP)
    greeting = _greeting(ssh_port)
    if not greeting.startswith(b"SSH-"):
        raise KamalUnavailable(f"the SSH server for Kamal does not answer on 127.0.0.1:{ssh_port}", hint=SETUP)
    address, _, port = contract.REGISTRY.rpartition(":")
    answer = http.get(address, int(port), "/v2/", host=contract.REGISTRY, timeout=ANSWERS_WITHIN)
    if answer.status != 200:
        said = f"HTTP {answer.status}" if answer.status else answer.problem
        raise KamalUnavailable(f"the registry for Kamal does not answer on {contract.REGISTRY}: {said}", hint=SETUP)


def _greeting(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWERS_WITHIN) as connection:
            return connection.recv(64)
    except OSError:
        return b""
