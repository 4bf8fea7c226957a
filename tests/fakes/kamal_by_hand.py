"""What a person does to the fake server with Kamal's CLI, as Kamal 2.11 does it: names, labels, order of effects."""

from dataclasses import replace

from deployhost.kamal import contract
from deployhost.kamal.contract import STOPPED, Route
from deployhost.model import WEB, AppName
from deployhost.system.docker_model import ContainerSpec
from tests.fakes.assembled import Server
from tests.fakes.docker import Behaviour, FakeDocker


class KamalByHand:
    """Given the server, do what Kamal does there."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._docker = FakeDocker(server.engine)

    def deploy(self, app: AppName, version: str, *, stop_old: bool = True) -> str:
        """Given an app and a version, have Kamal build and deploy it; return the new container's id."""
        repository = contract.repository(app)
        self._server.engine.add_image(
            Behaviour(), f"{repository}:{version}", f"{repository}:latest", labels={"service": app}
        )
        return self.boot(app, version, stop_old=stop_old)

    def boot(self, app: AppName, version: str, *, stop_old: bool = True, binds: tuple[str, ...] = ()) -> str:
        """Given an app and a version whose image is there (`latest` too), do `kamal app boot` or `rollback`."""
        name = f"{app}-{WEB}-{version}"
        if any(one.name == name for one in self._server.engine.containers.values()):
            self._docker.rename(name, contract.replaced_name(name, "0123456789abcdef"))
        spec = ContainerSpec(
            name=name,
            image=f"{contract.repository(app)}:{version}",
            labels=contract.role_labels(app, WEB),
            network=contract.NETWORK,
            binds=binds,
            restart=contract.RESTART,
        )
        container = self._docker.create(spec)
        self._docker.start(container)
        self.route(app, container)
        if stop_old:
            for one in self._docker.containers(contract.role_labels(app, WEB), running_only=True):
                if one.id != container:
                    self._docker.stop(one.id)
        self._docker.tag(spec.image, contract.latest_image(app))
        return container

    def stop(self, app: AppName) -> None:
        """Do `kamal app stop`."""
        del self._server.table.routes[contract.service_name(app, WEB)]
        for one in self._docker.containers({"service": app}, running_only=True):
            self._docker.stop(one.id)

    def start(self, app: AppName, container: str) -> None:
        """Given the container that ran last, do `kamal app start`."""
        self._docker.start(container)
        self.route(app, container)

    def maintenance(self, app: AppName) -> None:
        """Do `kamal app maintenance`."""
        service = contract.service_name(app, WEB)
        self._server.table.routes[service] = replace(self._server.table.routes[service], state=STOPPED)

    def route(self, app: AppName, container: str) -> None:
        """Given a container, have the proxy lead the app's hosts there."""
        service = contract.service_name(app, WEB)
        target = f"{container[:12]}:8080"
        self._server.table.routes[service] = Route(service, (f"{app}.localhost",), "/", target, contract.RUNNING)
