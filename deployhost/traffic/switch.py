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
from deployhost.system.clock import Clock, until
from deployhost.system.docker_model import Container
from deployhost.system.netns import Namespaces
from deployhost.system.process import ChildProcess

# kamal-proxy takes 2xx only for healthy, and answers GETs of this very path itself while a service is paused: so the
# path is one that no visitor asks for (kamal-proxy v0.9.2, internal/server/health_check.go and service.go).
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

    call: ChildProcess
    log: Path
    state: str | None = None

    def forget(self) -> None:
        """Delete the call's log, whose end nobody waits for."""
        self.log.unlink(missing_ok=True)


@dataclass(frozen=True)
class Live:
    """What a deploy comes to: a web container that requests go to, its port, and the switch, which may still drain what was before."""

    web: Container
    port: int
    switched: Switched | None


@dataclass(frozen=True, kw_only=True)
class Switch:
    """Moves an app's requests from one container to another. `run` is a directory for the logs of the proxy's calls."""

    proxy: KamalProxy
    run: Path
    namespaces: Namespaces
    clock: Clock

    def to(self, container: Container, port: int, config: AppConfig) -> Switched:
        """Return once the app's hosts lead to a container that is ready on `port`.

        A proxy that is away, or ends meanwhile, is waited for. Raise SwitchFailed when it refuses, ProxyUnavailable when it does
        not come back, BootFailed when the container is gone; nothing has changed then.
        """
        try:
            listener = self.namespaces.listen_in(container.pid)
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
            return patiently(lambda: self._try(target, asked), clock=self.clock)

    def leads_to(self, app: AppName, container: str) -> bool:
        """Return whether an app's requests go to the container with that id. Raise SwitchFailed if that can't be known."""
        route = self.proxy.routes().get(service_name(app, WEB))
        return route is not None and route.leads_to(container)

    def _try(self, target: Target, asked: threading.Event) -> Switched:
        asked.clear()
        log = self.run / f"switch-{target.address.partition(':')[0]}-{time.monotonic_ns()}.log"
        call = self.proxy.begin_deploy(target, log)
        route = self._wait(call, log, target, asked)
        return Switched(call, log, self.proxy.saved_state(target.service) if route is None else route.state)

    def _wait(self, call: ChildProcess, log: Path, target: Target, asked: threading.Event) -> Route | None:
        """Return once the switch has happened: its route, where that was looked at. Raise SwitchFailed."""
        ask_at: float | None = None

        def happened() -> tuple[Route | None] | None:
            nonlocal ask_at
            code = call.poll()
            if code == 0:
                return (None,)
            if code is not None:
                return (self._after_all(code, log, target),)
            if asked.is_set():
                # The call returns only after the drain; the routing table tells when the switch itself is done.
                now = self.clock.monotonic()
                ask_at = ask_at or now + ASK_ROUTES
                if now >= ask_at:
                    ask_at = now + ASK_ROUTES
                    route = self._took(target)
                    return None if route is None else (route,)
            return None

        if (found := until(happened, within=SWITCH_LIMIT + 5, every=POLL, clock=self.clock)) is not None:
            return found[0]
        call.stop()
        route = self._took(target)
        if route is None:
            raise SwitchFailed("kamal-proxy did not take the new release in time", hint="docker logs kamal-proxy")
        return route

    def _after_all(self, code: int, log: Path, target: Target) -> Route:
        """Return the route if the switch has happened though the call failed. Raise SwitchFailed."""
        if (route := self._took(target)) is not None:
            return route
        said = log.read_text(errors="replace").strip().removeprefix("Error: ")
        log.unlink(missing_ok=True)
        if is_away(said):
            raise ProxyUnavailable(f"kamal-proxy ended during the switch: {said}", hint=HINT)
        raise SwitchFailed(f"kamal-proxy refused the new release: {said or f'exit code {code}'}")

    def _took(self, target: Target) -> Route | None:
        """Return the service's route if it leads to the target already, from all its hosts."""
        # Where the call and the table disagree, or one of them fails, the table has the last word: requests follow it.
        try:
            route = self.proxy.routes().get(target.service)
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
