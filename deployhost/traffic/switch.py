"""Moving an app's requests to a container: one answer of ours to kamal-proxy's health check, then its switch."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployhost.config.app import AppConfig
from deployhost.errors import BootFailed, DeployhostError, ProxyUnavailable, SwitchFailed
from deployhost.kamal.contract import Route, service_name
from deployhost.kamal.patience import patiently
from deployhost.kamal.proxy import HINT, KamalProxy, Target, is_away
from deployhost.model import WEB, AppName
from deployhost.system.docker_model import Container
from deployhost.system.netns import listen_in
from deployhost.system.process import Process

# kamal-proxy takes 2xx only for healthy, and answers GETs of this very path itself while a service is paused: so the
# path is one that no visitor asks for (kamal-contract 0b.3 and 0b.7).
HEALTH_PATH = "/.deployhost/ready"
SWITCH_LIMIT = 10.0  # seconds for the proxy to take a container that has already proved to be ready
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
POLL = 0.002
ASK_ROUTES = 0.02  # seconds after its health check when the proxy is asked whether it has switched


@dataclass(frozen=True)
class Switched:
    """A switch that has happened; `call` is the proxy's command, which runs on until what it replaced is drained.

    `state` is the route's (contract.RUNNING …), None if that is not known: a switch does not change it.
    """

    call: Process
    log: Path
    state: str | None = None


class Switch:
    """Given the proxy and a directory for logs, move requests from one container to another."""

    def __init__(self, proxy: KamalProxy, run: Path) -> None:
        self._proxy = proxy
        self._run = run

    def to(self, container: Container, port: int, config: AppConfig) -> Switched:
        """Given a container that is ready on `port`, return once the app's hosts lead to it.

        A proxy that is away, or ends meanwhile, is waited for. Raise SwitchFailed when it refuses, ProxyUnavailable when it does
        not come back, BootFailed when the container is gone; nothing has changed then.
        """
        try:
            listener = listen_in(container.pid)
        except OSError as error:
            raise BootFailed("the app ended just before it was to go live") from error
        asked = threading.Event()
        # The listener lives in the container's own network, where the proxy looks for the target's health.
        with _shut(listener):
            threading.Thread(target=_answer, args=(listener, asked), daemon=True).start()
            target = Target(
                service=service_name(config.name, WEB),
                address=f"{container.short_id}:{port}",
                hosts=config.hosts,
                health_port=listener.getsockname()[1],
                health_path=HEALTH_PATH,
                deploy_timeout=SWITCH_LIMIT,
                drain_timeout=config.drain,
                response_timeout=config.response_timeout,
            )
            # Whatever a proxy that ended had done of it by then: to be told the same again changes nothing.
            return patiently(lambda: self._try(target, asked))

    def leads_to(self, app: AppName, container: str) -> bool:
        """Given an app and a container's id, return whether the app's requests go there. Raise SwitchFailed if that can't be known."""
        route = self._proxy.routes().get(service_name(app, WEB))
        return route is not None and route.target.startswith(f"{container[:12]}:")

    def _try(self, target: Target, asked: threading.Event) -> Switched:
        asked.clear()
        log = self._run / f"switch-{target.address.partition(':')[0]}-{time.monotonic_ns()}.log"
        call = self._proxy.begin_deploy(target, log)
        route = self._wait(call, log, target, asked)
        return Switched(call, log, self._proxy.saved_state(target.service) if route is None else route.state)

    def _wait(self, call: Process, log: Path, target: Target, asked: threading.Event) -> Route | None:
        """Return once the switch has happened: its route, where that was looked at. Raise SwitchFailed."""
        deadline = time.monotonic() + SWITCH_LIMIT + 5
        ask_at = None
        while time.monotonic() < deadline:
            code = call.poll()
            if code == 0:
                return None
            if code is not None:
                return self._after_all(code, log, target)
            if asked.is_set():
                # The call returns only after the drain; the routing table tells when the switch itself is done.
                now = time.monotonic()
                ask_at = ask_at or now + ASK_ROUTES
                if now >= ask_at:
                    route = self._took(target)
                    if route is not None:
                        return route
                    ask_at = now + ASK_ROUTES
            time.sleep(POLL)
        call.stop()
        route = self._took(target)
        if route is not None:
            return route
        raise SwitchFailed("kamal-proxy did not take the new release in time", hint="docker logs kamal-proxy")

    def _after_all(self, code: int, log: Path, target: Target) -> Route:
        """Given a call that has failed, return the route if the switch has happened all the same. Raise SwitchFailed."""
        route = self._took(target)
        if route is not None:
            return route
        said = log.read_text(errors="replace").strip().removeprefix("Error: ")
        log.unlink(missing_ok=True)
        if is_away(said):
            raise ProxyUnavailable(f"kamal-proxy ended during the switch: {said}", hint=HINT)
        raise SwitchFailed(f"kamal-proxy refused the new release: {said or f'exit code {code}'}")

    def _took(self, target: Target) -> Route | None:
        """Given a target, return its service's route if that leads there already, from all its hosts."""
        # Where the call and the table disagree, or one of them fails, the table has the last word: requests follow it.
        try:
            route = self._proxy.routes().get(target.service)
        except DeployhostError:
            return None
        if route is None or route.target != target.address or set(route.hosts) != set(target.hosts):
            return None  # other hosts: refused for a container that was there before
        return route


@contextlib.contextmanager
def _shut(listener: socket.socket) -> Iterator[None]:
    with contextlib.closing(listener):
        try:
            yield
        finally:
            # Closing alone does not wake a thread that waits in accept(2): it would hold thread and socket for ever.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def _answer(listener: socket.socket, asked: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with contextlib.closing(connection), contextlib.suppress(OSError):
                connection.settimeout(2)
                connection.recv(4096)
                connection.sendall(ANSWER)
            asked.set()
