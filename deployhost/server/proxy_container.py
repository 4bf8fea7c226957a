"""kamal-proxy's container and its program on the host: how both are made, by set-up, and by the daemon where somebody removed it."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from deployhost.config import server as server_config
from deployhost.containers.capabilities import ALL
from deployhost.errors import DeployhostError, SetupFailed
from deployhost.kamal import contract
from deployhost.paths import Paths
from deployhost.server import proxy_image
from deployhost.server.facts import apps_config, proxy_binary, proxy_binary_note
from deployhost.server.plan_proxy import LOG_MAX_SIZE, LOOPBACK, usable_image
from deployhost.system import files, oom_score
from deployhost.system.docker import Docker
from deployhost.system.docker_model import ContainerSpec

ASIDE = f"{contract.PROXY_CONTAINER}-replaced"  # kamal-proxy's container while another takes its place
PATIENCE = 60.0  # seconds for whoever else makes it just now
# It is the container that everybody can reach. What it needs is to listen on ports below 1024: its image's user has no rights at all.
CAPABILITY = "NET_BIND_SERVICE"
PIDS_LIMIT = 1024  # threads, of which kamal-proxy has some per CPU
MEMORY = 1 << 30  # bytes; a connection takes some 50 KB
LAST_TO_BE_KILLED = -900  # where memory is short: after apps and builds, and after the Docker engine (-500)


@dataclass(frozen=True)
class ProxyContainer:
    """Makes kamal-proxy's container."""

    paths: Paths
    docker: Docker

    def create(self, port: int) -> None:
        """Create and start it on a port of loopback; the one that is there comes back if that fails. Raises DeployhostError."""
        with self._alone():
            self._create(port)

    def restore(self, say: Callable[[str], None]) -> None:
        """Have the container again that somebody removed, on the port that was set up; `say` gets what takes long.

        One that is there by now is left as it is. Raises SetupFailed if its image can't be had, DockerUnavailable.
        """
        port = server_config.load(self.paths.server_yml).http_port
        if self.docker.image(self._reference()) is None:
            say(proxy_image.obtain(self.docker, file=None, say=say, environ=os.environ))
        with self._alone():
            if self.docker.find(contract.PROXY_CONTAINER) is not None:
                return
            image = self.docker.image(self._reference())
            if image is None or image.id != program_image(self.paths):
                self.extract_program()
            self.docker.create_network(contract.NETWORK)
            self._create(port)

    def extract_program(self) -> None:
        """Copy its program to the host. Raises SetupFailed if the image is gone."""
        reference = self._reference()
        image = self.docker.image(reference)
        if image is None:
            raise SetupFailed(f"the image {reference} is gone", hint="deployhost setup --local")
        files.remove(proxy_binary_note(self.paths))
        proxy_image.extract_binary(self.docker, reference, proxy_binary(self.paths))
        files.write_atomically(proxy_binary_note(self.paths), f"{image.id}\n".encode())

    def _alone(self) -> AbstractContextManager[None]:
        files.make_directory(self.paths.run)
        return files.lock(self.paths.run / "proxy.lock", PATIENCE)

    def _create(self, port: int) -> None:
        docker, name = self.docker, contract.PROXY_CONTAINER
        # Asked again: an engine that was installed anew may have found containers of an earlier one.
        replaces = docker.find(name) is not None
        if replaces:
            docker.remove(ASIDE, force=True)
            docker.stop(name)
            docker.rename(name, ASIDE)
        try:
            docker.create(self._spec(port))
            docker.start(name)
        except DeployhostError:
            docker.remove(name, force=True)
            if replaces:
                docker.rename(ASIDE, name)
                docker.start(name)
            raise
        docker.remove(ASIDE, force=True)

    def _spec(self, port: int) -> ContainerSpec:
        key, title = contract.PROXY_TITLE_LABEL
        return ContainerSpec(
            name=contract.PROXY_CONTAINER,
            image=self._reference(),
            labels={key: title},
            network=contract.NETWORK,
            mac=contract.PROXY_MAC,
            binds=(
                f"{contract.PROXY_CONFIG_VOLUME}:{contract.PROXY_CONFIG_PATH}",
                f"{apps_config(self.paths)}:{contract.PROXY_APPS_CONFIG_PATH}",
            ),
            ports={80: (LOOPBACK, port)},
            restart="unless-stopped",
            log_max_size=LOG_MAX_SIZE,
            security_opt=("no-new-privileges",),
            cap_drop=(ALL,),
            cap_add=(CAPABILITY,),
            pids_limit=PIDS_LIMIT,
            memory=MEMORY,
            # An engine that may not do that, as in a container of its own, could not start it.
            oom_score_adj=LAST_TO_BE_KILLED if oom_score.may_be_lowered(LAST_TO_BE_KILLED) else None,
        )

    def _reference(self) -> str:
        """Return the image of the container that is there if Kamal takes it (it may be a later one), or was there, else the pinned one."""
        for name in (contract.PROXY_CONTAINER, ASIDE):
            container = self.docker.find(name)
            if container is not None and usable_image(container.image) and self.docker.image(container.image):
                return container.image
        taken_from = program_image(self.paths)
        image = self.docker.image(taken_from) if taken_from else None
        return next(filter(usable_image, () if image is None else image.tags), contract.PROXY_IMAGE)


def program_image(paths: Paths) -> str:
    """Return the id of the image that the program on the host was taken from; "" if there is no program."""
    note = files.read_text(proxy_binary_note(paths)) or ""
    return note.strip() if os.access(proxy_binary(paths), os.X_OK) else ""
