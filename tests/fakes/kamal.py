"""Kamal's CLI without Kamal."""

from collections.abc import Callable, Sequence
from typing import Any

from ruamel.yaml import YAML

from deployhost.containers.attempt import Attempt
from deployhost.deploy.kamal.run import KamalProgram
from deployhost.kamal import contract
from deployhost.kamal.contract import RUNNING, Route, service_name
from deployhost.kamal.project import Project
from deployhost.model import WEB, AppName, Version
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec
from deployhost.system.stop import Stop
from tests.fakes.docker import Engine
from tests.fakes.proxy import Table


class FakeKamal(KamalProgram):
    """Kamal's CLI: boots the version it is given, moves the route, stops what was before; or fails as it is told to."""

    def __init__(self, paths: Paths, docker: Docker, engine: Engine, table: Table) -> None:
        super().__init__(paths)
        self._docker, self._engine, self._table = docker, engine, table
        self.commands: list[list[str]] = []
        self.configs: list[Any] = []
        self.says: tuple[str, ...] = ()
        self.fails = ""  # "" never, "before" or "after" the switch; the next time only

    def bring(self, on_line: Callable[[str], None]) -> None:
        on_line("brought")
        for path in (self.paths.kamal_program, self.paths.ssh_key):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(0o755)

    def check(self, ssh_port: int) -> None:
        pass

    def run(
        self,
        attempt: Attempt,
        project: Project,
        command: Sequence[str],
        *,
        timeout: float,
        version: Version | None = None,
        stop: Stop | None = None,
        look: Callable[[], None] = lambda: None,
    ) -> tuple[int, list[str]]:
        self.commands.append(list(command))
        config = YAML(typ="safe").load((project.directory / "config/deploy.yml").read_text())
        self.configs.append(config)
        fails, self.fails = self.fails, ""
        container = self._boot(attempt.deploy.app, version or attempt.version, config)
        look()
        if fails == "before":
            self._docker.stop(container)
        if fails != "before":
            self._switch(attempt.deploy.app, container, config)
        return (1, list(self.says)) if fails else (0, [])

    def _boot(self, app: AppName, version: Version, config: Any) -> str:
        docker, name = self._docker, contract.container_name(app, WEB, version)
        if docker.find(name) is not None:
            docker.rename(name, contract.replaced_name(name, "0" * 16))
        labels = {**contract.role_labels(app, WEB), **config.get("labels", {})}
        image, network = contract.image(app, version), contract.NETWORK
        binds = tuple(config.get("volumes", ()))
        container = docker.create(ContainerSpec(name=name, image=image, labels=labels, network=network, binds=binds))
        docker.start(container)
        return container

    def _switch(self, app: AppName, container: str, config: Any) -> None:
        service, proxy = service_name(app, WEB), config["proxy"]
        table = self._table
        before = table.routes.get(service)
        target = f"{container[:12]}:{proxy['app_port']}"
        table.routes[service] = Route(service, tuple(proxy["hosts"]), "/", target, RUNNING)
        table.health_paths[service] = proxy["healthcheck"]["path"]
        for one in list(self._engine.running):
            if before is not None and before.leads_to(one.id):
                self._docker.stop(one.id)
