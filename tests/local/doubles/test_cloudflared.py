"""The connector's double as a program: its command line, and what it tells systemd."""

import base64
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cloudflare import Cloudflare

from tests.doubles.cloudflared.package import PROGRAM, program
from tests.doubles.cloudflared.running import RunningConnector
from tests.doubles.fixtures import CloudflareAccount


def run(*arguments: str, script: Path = PROGRAM) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=10, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_version_is_printed_as_the_real_one_does(tmp_path: Path) -> None:
    assert run("--version") == (0, "cloudflared version 2026.8.2 (built 2026-08-20-10:54 UTC)\n")
    older = tmp_path / "cloudflared"
    older.write_bytes(program("2025.2.1"))
    assert run("version", script=older)[1].startswith("cloudflared version 2025.2.1 ")
    status, text = run("tunnel", "run", "--token-file", "/nowhere", script=older)
    assert (status, "flag provided but not defined: -token-file" in text) == (1, True)


def test_the_token_may_lie_in_a_memory_file() -> None:
    memory = os.memfd_create("token", 0)
    try:
        os.write(memory, base64.b64encode(b'{"a": "1", "t": "none", "s": ""}'))
        path = f"/proc/self/fd/{memory}"
        done = subprocess.run(
            [sys.executable, str(PROGRAM), "tunnel", "run", "--token-file", path],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            pass_fds=[memory],
        )
    finally:
        os.close(memory)
    assert "Provided Tunnel token is not valid" in done.stderr  # it was read: its tunnel's id is no UUID


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tunnel", "--token-file", "x", "run"], "not defined: -token-file"),
        (["--no-update", "tunnel", "run"], "not defined: -no-update"),
        (["tunnel", "run", "--token-file"], "needs an argument: -token-file"),
        (["tunnel", "run", "--token-file", "/nowhere"], "Failed to read token file"),
        (["tunnel", "run", "--token-file=/dev/null"], "requires the ID or name"),
        (["tunnel", "run", "--token", "bm90aGluZw=="], "token is not valid"),
        (["access"], "no command 'access'"),
    ],
)
def test_what_the_real_one_refuses_is_refused(arguments: list[str], told: str) -> None:
    status, text = run(*arguments)
    assert status == 1
    assert told in text


def test_systemd_is_told_once_it_is_connected(cloudflare_account: CloudflareAccount, tmp_path: Path) -> None:
    double = cloudflare_account.double
    with Cloudflare(api_token=cloudflare_account.token.value) as sdk:
        made = sdk.zero_trust.tunnels.cloudflared.create(account_id=cloudflare_account.account.id, name="one")
    tunnel = double.state.tunnels[str(made.id)]
    settings = Path(os.environ["CLOUDFLARED_DOUBLE"])
    address = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(address))
        listener.settimeout(10)
        with RunningConnector(
            tmp_path, settings, tunnel.token, environment={"NOTIFY_SOCKET": str(address)}
        ) as connector:
            assert listener.recv(100) == b"READY=1"
            assert connector.ask("/ready")[0] == 200
            assert connector.config["version"] == -1
            assert tunnel.token not in connector.log
            assert connector.stop() == 0
