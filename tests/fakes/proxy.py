"""A stateful kamal-proxy: its routes, and a health check of the target before it switches."""

import socket
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

from deployhost.errors import ProxyUnavailable, SwitchFailed
from deployhost.kamal import contract
from deployhost.kamal.contract import Route
from deployhost.kamal.proxy import KamalProxy, Target
from deployhost.system.process import ChildProcess, Completed
from deployhost.system.stop import Stop
from tests.fakes.docker import Engine, FakeDocker
from tests.fakes.life import Crash, Life


class FakeProcess(ChildProcess):
    """A call of kamal-proxy: its exit code, or None while it waits for what it replaced to drain; then `ended` ends it."""

    def __init__(self, code: int | None) -> None:
        self.argv = ("kamal-proxy", "deploy")
        self.code = code
        self.ended = threading.Event()
        self.was_stopped = False

    @property
    def pid(self) -> int:
        return 0

    def poll(self) -> int | None:
        return 0 if self.ended.is_set() else self.code

    def wait(self, timeout: float, stop: Stop | None = None) -> Completed:
        if self.code is None:
            self.ended.wait(5)
        return Completed(self.code or 0, "", "")

    def stop(self, grace: float = 0) -> None:
        self.was_stopped = True
        self.ended.set()


@dataclass
class Table:
    """What kamal-proxy has: its routes, and how it behaves."""

    routes: dict[str, Route] = field(default_factory=dict)
    refuses: str = ""
    down: bool = False
    away: int = 0  # so many calls find it not running, then it is there again
    silent: bool = False  # takes the call, and never gets anywhere
    drains: bool = False  # its calls go on after the switch, as long as something drains
    unsure: bool = False  # switches, and then ends the call with an error
    calls: list[FakeProcess] = field(default_factory=list)
    starts: int = 1  # how often it was started
    paused_in: dict[str, int] = field(default_factory=dict)  # in which start each service was paused
    health_paths: dict[str, str] = field(default_factory=dict)  # on which path each service's target was asked

    def restart(self) -> None:
        """It ends and is started again: routes and states stay, what wakes the paused requests does not."""
        self.starts += 1


class FakeProxy(KamalProxy):
    """Given kamal-proxy's table, the engine and a life, the calls of kamal.proxy. It asks for the target's health as the real one does."""

    def __init__(self, table: Table, engine: Engine, life: Life | None = None) -> None:
        super().__init__(FakeDocker(engine), Path("/nonexistent"))
        self._table = table
        self._engine = engine
        self._life = life or Life()

    def begin_deploy(self, target: Target, log: Path) -> ChildProcess:
        self._answering()
        self._life.effect("proxy deploy")
        call = self._deployed(target, log)
        self._table.calls.append(call)
        return call

    def routes(self) -> dict[str, Route]:
        self._answering()
        return dict(self._table.routes)

    def remove(self, service: str) -> None:
        self._answering()
        self._life.effect("proxy remove")
        self._table.routes.pop(service, None)

    def pause(self, service: str, *, drain: float, max_pause: float) -> None:
        self._answering()
        self._life.effect("proxy pause")
        if service not in self._table.routes:
            raise SwitchFailed("kamal-proxy pause: service not found")
        self._table.routes[service] = replace(self._table.routes[service], state=contract.PAUSED)
        self._table.paused_in[service] = self._table.starts

    def resume(self, service: str) -> None:
        self._answering()
        self._life.effect("proxy resume")
        if service not in self._table.routes:
            raise SwitchFailed("kamal-proxy resume: service not found")
        if (
            self._table.routes[service].state == contract.PAUSED
            and self._table.paused_in[service] != self._table.starts
        ):
            self._table.restart()  # it panics, and Docker starts it again: paused as before
            raise ProxyUnavailable("kamal-proxy resume: unexpected EOF")
        self._table.routes[service] = replace(self._table.routes[service], state=contract.RUNNING)

    def health_path(self, service: str) -> str | None:
        self._answering()
        return self._table.health_paths.get(service)

    def saved_state(self, service: str) -> str | None:
        route = self._table.routes.get(service)
        return None if route is None else route.state

    def identity(self) -> str:
        self._answering()
        return f"proxy {self._table.starts}"

    def _deployed(self, target: Target, log: Path) -> FakeProcess:
        log.touch()
        if self._table.silent:
            return FakeProcess(None)
        others = [route for route in self._table.routes.values() if route.service != target.service]
        running = any(one.short_id == target.address.partition(":")[0] for one in self._engine.running)
        said = self._table.refuses
        if not running or _ask(target.health_port, target.health_path) != 200:
            said = said or "target failed to become healthy within configured timeout (10s)"
        elif {host for other in others for host in other.hosts} & set(target.hosts):
            said = said or "host settings conflict with another service"
        if said:
            log.write_text(f"Error: {said}\n", encoding="utf-8")
            return FakeProcess(1)
        before = self._table.routes.get(target.service)
        state = contract.RUNNING if before is None else before.state
        self._table.routes[target.service] = Route(target.service, target.hosts, "/", target.address, state)
        self._table.health_paths[target.service] = target.health_path
        return FakeProcess(1 if self._table.unsure else None if self._table.drains else 0)

    def _answering(self) -> None:
        if self._life.over:
            raise Crash
        if self._table.away:
            self._table.away -= 1
        elif not self._table.down:
            return
        raise ProxyUnavailable("kamal-proxy is not running")


def _ask(port: int, path: str) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return int(connection.recv(200).split()[1])
