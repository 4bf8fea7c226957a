"""kamal-proxy as a tool: deploy, remove, list, by its own binary on the host and the socket in its container.

The binary reaches the container's RPC socket through /proc/<pid>/root/tmp in under 10 ms, where `docker exec` needs 90
(kamal-proxy v0.9.2, internal/server/config.go: the socket lies in $XDG_RUNTIME_DIR).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployhost.errors import CommandFailed, CommandTimedOut, ProxyUnavailable, SwitchFailed
from deployhost.kamal.contract import PROXY_CONFIG_PATH, PROXY_CONTAINER, STATES, Route, parse_routes
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.system.files import read
from deployhost.system.process import ChildProcess, run, spawn
from deployhost.system.process_records import start_of

CALL_TIMEOUT = 15.0  # seconds for calls that only change or read the routing table
HINT = "deployhost setup --local"
# What its binary says where nobody listens, or who listened has ended (Go's net and net/rpc).
_AWAY = re.compile(r"dial unix|unexpected EOF|connection is shut down|connection reset by peer|broken pipe")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a service's requests go: `address` is "<short container id>:<port>"; the health port is asked once, before that."""

    service: str
    address: str
    hosts: tuple[str, ...]
    health_port: int
    health_path: str
    deploy_timeout: float
    drain_timeout: float
    response_timeout: float


class KamalProxy:
    """Changes and reads kamal-proxy's routing table, by its binary on the host."""

    def __init__(self, docker: Docker, binary: Path) -> None:
        self._docker = docker
        self._binary = binary
        self._pid = 0  # of the proxy's process, as it was found last …
        self._since = ""  # … and when that began: another process may have its number by now

    def begin_deploy(self, target: Target, log: Path) -> ChildProcess:
        """Have the proxy check a target, switch to it and drain what it replaces; return that call, running.

        It ends only when the drain does (kamal-proxy v0.9.2, internal/server/router.go), and outlives us: its output goes to the file `log`.
        """
        return spawn([str(self._binary), *deploy_arguments(target)], env=self._environment(), output=log)

    def routes(self) -> dict[str, Route]:
        """Return the routing table by service. Raises ProxyUnavailable while the proxy does not run, SwitchFailed if it answers oddly."""
        try:
            return parse_routes(self._call("list"))
        except ValueError as error:
            raise SwitchFailed(str(error), hint=HINT) from error

    def remove(self, service: str) -> None:
        """Remove a service's route; a missing one is ignored."""
        if service in self.routes():
            self._call("remove", service)

    def pause(self, service: str, *, drain: float, max_pause: float) -> None:
        """Have a service's new requests wait, for `max_pause` seconds each at most (504 then).

        Return once those under way have ended, or `drain` seconds are over. Raises SwitchFailed.
        """
        self._call(
            "pause", service, f"--drain-timeout={drain:g}s", f"--max-pause={max_pause:g}s", timeout=drain + CALL_TIMEOUT
        )

    def resume(self, service: str) -> None:
        """Let a service's waiting requests go on; a service that is not paused stays as it is. Raises SwitchFailed.

        Never after the proxy was restarted in between: it dies of that (kamal-proxy v0.9.2, internal/server/pause_controller.go). `identity` tells.
        """
        self._call("resume", service)

    def health_path(self, service: str) -> str | None:
        """Return the path on which the proxy asked for a service's health, or None if that can't be told.

        `list` does not say it, only the proxy's own state file does; that is not written atomically, so half of it may be there.
        """
        self._running()
        try:
            return str(self._saved(service)["target_options"]["health_check_config"]["path"])
        except (TypeError, KeyError):
            return None

    def saved_state(self, service: str) -> str | None:
        """Return the state (contract.RUNNING …) of a service that was asked about or changed a moment ago, or None if that can't be told.

        From the proxy's own file, as `health_path`: that takes no call.
        """
        try:
            return STATES[self._saved(service)["pause_controller"]["state"]]
        except (TypeError, KeyError, IndexError):
            return None

    def identity(self) -> str:
        """Return what names the proxy's process: another text once it was restarted. Raises ProxyUnavailable if it does not run."""
        container = self._running()
        return f"{container.id} {container.started_at}"

    def _saved(self, service: str) -> Any:
        """Return what the proxy has saved of a service, or None."""
        state = Path(f"/proc/{self._pid}/root{PROXY_CONFIG_PATH}/kamal-proxy.state")
        try:
            return next((one for one in json.loads(read(state) or b"") if one["name"] == service), None)
        except (ValueError, TypeError, KeyError):
            return None

    def _call(self, *arguments: str, timeout: float = CALL_TIMEOUT) -> str:
        try:
            return run([str(self._binary), *arguments], env=self._environment(), timeout=timeout).stdout
        except CommandFailed as error:
            said = " ".join(error.details) or error.message
            kind = ProxyUnavailable if is_away(said) else SwitchFailed
            raise kind(f"kamal-proxy {arguments[0]}: {said}", hint=HINT) from error
        except CommandTimedOut as error:
            raise SwitchFailed(f"kamal-proxy {arguments[0]}: no answer within {timeout:g} s", hint=HINT) from error

    def _running(self) -> Container:
        container = self._docker.find(PROXY_CONTAINER)
        if container is None or not container.pid:
            raise ProxyUnavailable("kamal-proxy is not running", hint=HINT)
        self._pid, self._since = container.pid, start_of(container.pid)
        return container

    def _environment(self) -> dict[str, str]:
        # To ask the engine each time takes 4 ms of a switch.
        if not self._since or start_of(self._pid) != self._since:
            self._running()
        return {"XDG_RUNTIME_DIR": f"/proc/{self._pid}/root/tmp", "HOME": "/nonexistent"}


def is_away(said: str) -> bool:
    """Return whether the proxy's binary failed because nobody answered: the proxy itself has refused nothing then."""
    return _AWAY.search(said) is not None


def deploy_arguments(target: Target) -> Sequence[str]:
    """Return the arguments of `kamal-proxy deploy` for a target (internal/cmd/deploy.go).

    Nothing is buffered, so that streams stream: Kamal itself always sends the buffering flags unless its configuration
    says otherwise. The logged headers are Kamal's defaults (lib/kamal/configuration/proxy.rb).
    """
    return [
        "deploy",
        target.service,
        f"--target={target.address}",
        *(f"--host={host}" for host in target.hosts),
        f"--health-check-port={target.health_port}",
        f"--health-check-path={target.health_path}",
        "--health-check-interval=20ms",
        f"--deploy-timeout={_duration(target.deploy_timeout)}",
        f"--drain-timeout={_duration(target.drain_timeout)}",
        f"--target-timeout={_duration(target.response_timeout)}",
        "--log-request-header=Cache-Control",
        "--log-request-header=Last-Modified",
        "--log-request-header=User-Agent",
    ]


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
