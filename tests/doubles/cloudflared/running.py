"""A connector started for a test, as a service manager would start it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.doubles.cloudflared.package import PROGRAM

READY_SECONDS = 10.0


class RunningConnector:
    """cloudflared's double as a process. `settings` is the file that CloudflareDouble.write_connector_settings wrote."""

    def __init__(
        self, folder: Path, settings: Path, token: str, *more: str, environment: dict[str, str] | None = None
    ) -> None:
        token_file = folder / "tunnel.token"
        token_file.write_text(token, encoding="utf-8")
        self.port = _free_port()
        self._log_path = folder / f"cloudflared-{self.port}.log"
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, str(PROGRAM), "--no-autoupdate", "tunnel", "--metrics", f"127.0.0.1:{self.port}", *more,
                    "run", "--token-file", str(token_file),
                ],
                stdout=log,
                stderr=log,
                env=os.environ | {"CLOUDFLARED_DOUBLE": str(settings)} | (environment or {}),
            )  # fmt: skip

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log_path.read_text(encoding="utf-8")

    def ask(self, path: str) -> tuple[int, str]:
        """Return the status and the body that its metrics server answers; 0 if there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    @property
    def config(self) -> Any:
        """What /config says."""
        return json.loads(self.ask("/config")[1])

    def wait_until_ready(self) -> Self:
        """Wait until /ready says so."""
        deadline = time.monotonic() + READY_SECONDS
        while self.ask("/ready")[0] != 200:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"the connector is not ready:\n{self.log}")
            time.sleep(0.02)
        return self

    def wait_for_version(self, version: int) -> None:
        """Wait until it has that version of the configuration."""
        deadline = time.monotonic() + READY_SECONDS
        while self.config["version"] != version:
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def stop(self) -> int:
        """End it with SIGTERM, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(10)
        self.process.kill()
        return self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
