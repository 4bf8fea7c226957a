"""Waiting until a service that was started answers: the Docker engine, the daemon, and the two that Kamal's CLI needs."""

from dataclasses import dataclass

from deployhost.config import server as server_config
from deployhost.control import client
from deployhost.errors import DaemonUnavailable, DockerUnavailable, RemoteError, SetupFailed
from deployhost.kamal import guard_plan
from deployhost.paths import Paths
from deployhost.server.facts import DAEMON, STORAGE
from deployhost.server.facts_kamal import REGISTRY, SSHD
from deployhost.system import machine
from deployhost.system.clock import retry, until
from deployhost.system.docker import Docker
from deployhost.system.services import Services

ENGINE_WITHIN = 60.0  # seconds after its start
DAEMON_WITHIN = 30.0
KAMAL_WITHIN = 20.0


@dataclass(frozen=True, kw_only=True)
class ServiceAnswers:
    """Waits until a service that was started answers; `version` is the daemon's new one."""

    paths: Paths
    version: str
    docker: Docker
    services: Services

    def wait(self, name: str) -> str:
        """Wait until a service answers and return what it says of itself. Raises SetupFailed."""
        if name == SSHD:
            return self._listens(name, "sshd", server_config.load(self.paths.server_yml).ssh_port)
        if name == REGISTRY:
            return self._listens(name, "docker-registry", guard_plan.PORT)
        if name == STORAGE:
            return ""  # it has done what it does, or has failed to start
        return self._daemon() if name == DAEMON else self._engine(name)

    def _engine(self, name: str) -> str:
        def is_away(error: Exception) -> bool:
            return isinstance(error, DockerUnavailable)

        try:
            return retry(self.docker.info, again=is_away, within=ENGINE_WITHIN, every=0.1).version
        except DockerUnavailable as error:
            raise self._failed(name, "the Docker engine did not answer", ENGINE_WITHIN, error.details) from error

    def _daemon(self) -> str:
        said = ""

        def version() -> str:
            nonlocal said
            try:
                answer = client.call(str(self.paths.control_socket), "ping", timeout=5)
            except (DaemonUnavailable, RemoteError) as error:
                said = str(error)
                return ""
            said = str(answer.get("version", ""))
            return said if said == self.version else ""

        found = until(version, within=DAEMON_WITHIN, every=0.05)
        if found is None:
            raise self._failed(
                DAEMON, f"{DAEMON} did not answer", DAEMON_WITHIN, self.services.output(DAEMON), f": {said}"
            )
        return found

    def _listens(self, name: str, program: str, port: int) -> str:
        """Wait until the service's own program listens on its port of loopback: somebody else may have had it until then."""

        def listens() -> bool:
            listener = machine.listener(port)
            return listener is not None and listener.program == program

        if not until(listens, within=KAMAL_WITHIN, every=0.05):
            what = f"{name} did not listen on 127.0.0.1:{port}"
            raise self._failed(name, what, KAMAL_WITHIN, self.services.output(name))
        return f"on 127.0.0.1:{port}"

    def _failed(self, name: str, what: str, within: float, details: tuple[str, ...], said: str = "") -> SetupFailed:
        """Return what to raise for a service; the hint shows its unit's log, or its file."""
        hint = f"journalctl --unit {name} --lines 50"
        if self.services.manager != "systemd":
            hint = f"tail -n 50 {self.paths.logs / name}.log"
        return SetupFailed(f"{what} within {within:g} s of its start{said}", hint=hint, details=details)
