"""The cause of a failure in Kamal's own output, as it was seen."""

import pytest

from deployhost.kamal import failure

UNHEALTHY = [
    "  INFO [4d1f8fc9] Running docker exec kamal-proxy kamal-proxy deploy shop-web on 127.0.0.1",
    " ERROR Failed to boot web on 127.0.0.1",
    "  Finished all in 66.3 seconds",
    "  \x1b[31mERROR (SSHKit::Command::Failed)\x1b[0m: Exception while executing on host 127.0.0.1: docker exit status: 1",
    "docker stdout: Nothing written",
    "docker stderr: Error: target failed to become healthy within configured timeout (1m0s)",
]
WORKER = [
    "  Finished all in 66.3 seconds",
    "  ERROR (Kamal::Cli::Healthcheck::Error): Exception while executing on host 127.0.0.1: container not ready after 60 seconds (restarting)",
]
BUILD = [
    "  ERROR (SSHKit::Command::Failed): docker exit status: 256",
    'docker stdout: #0 building with "default" instance using docker driver',
    "#3 ERROR: failed to do request",
    "ERROR: failed to build: failed to solve: no such host",
    "docker stderr: Nothing written",
]
SERVICE = ["  ERROR (RuntimeError): config/deploy.yml: service must be shop"]


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (UNHEALTHY, "target failed to become healthy within configured timeout (1m0s)"),
        (WORKER, "container not ready after 60 seconds (restarting)"),
        (BUILD, "ERROR: failed to build: failed to solve: no such host"),
        (SERVICE, "config/deploy.yml: service must be shop"),
        (["", "Killed", ""], "Killed"),
        ([], ""),
    ],
)
def test_cause(lines: list[str], cause: str) -> None:
    assert failure.cause(lines) == cause


def test_unhealthy_is_known() -> None:
    assert failure.is_unhealthy(UNHEALTHY)
    assert not failure.is_unhealthy(WORKER)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  INFO [4d1f8fc9] Finished in 0.316 seconds with exit status 0 (successful).", ""),
        ("  INFO Uploading .kamal/apps/shop/env/roles/web.env 100.0%", ""),
        ("\x1b[35mDetect stale containers...\x1b[0m", "Detect stale containers..."),
        ("  INFO [4d1f8fc9] Running docker ps on 127.0.0.1", "Running docker ps on 127.0.0.1"),
        ("  DEBUG [4d1f8fc9] \t#8 DONE 0.0s", "#8 DONE 0.0s"),
    ],
)
def test_shown(line: str, shown: str) -> None:
    assert failure.shown(line) == shown


def test_long_commands_are_cut() -> None:
    assert len(failure.shown("  INFO [4d1f8fc9] Running docker " + "x" * 500)) == failure.LONGEST + 1
