"""What tests do in a running container of the real engine."""

from collections.abc import Sequence

from deployhost.system.docker import Docker
from deployhost.system.docker_engine import translated


def exec_run(docker: Docker, container: str, argv: Sequence[str]) -> tuple[int, str]:
    """Run an argv in a running container; return its exit code and what it wrote."""
    with translated():
        made = docker._api.exec_create(container, list(argv))
        output = docker._api.exec_start(made["Id"])
        return int(docker._api.exec_inspect(made["Id"])["ExitCode"]), output.decode("utf-8", "replace")
