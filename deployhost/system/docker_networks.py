"""The Docker engine's networks and volumes: a part of the one door, `system/docker.py`."""

import contextlib
from collections.abc import Sequence

from docker import errors as docker_errors

from deployhost.system.docker_answers import read_network
from deployhost.system.docker_engine import translated
from deployhost.system.docker_images import EngineImages
from deployhost.system.docker_model import Network

MAC_OF_ENDPOINT = (1, 44)  # the API where a hardware address belongs to the endpoint; before, to the container


class EngineNetworks(EngineImages):
    """What the engine can do with networks and volumes."""

    def network_exists(self, name: str) -> bool:
        """Return whether a network of exactly that name is there."""
        return self.network(name) is not None

    def network(self, name: str) -> Network | None:
        """Return the network of exactly that name, or None."""
        with translated():
            listed = self._api.networks(names=[name])
        return next((read_network(item) for item in listed if item["Name"] == name), None)

    def create_network(self, name: str) -> None:
        """Create a bridge network; one that is there stays as it is."""
        if not self.network_exists(name):
            with translated():
                self._api.create_network(name, driver="bridge", check_duplicate=True)

    def connect(self, container: str, network: str, aliases: Sequence[str] = (), mac: str | None = None) -> None:
        """Plug a container into a network, with the aliases and address that it would have from its creation. Raises NotFound.

        One that is plugged in already is refused with DockerUnavailable.
        """
        # Before that API the address is the container's own setting, which the engine goes by again.
        mac = mac if self._at_least(MAC_OF_ENDPOINT) else None
        with translated():
            self._api.connect_container_to_network(container, network, aliases=list(aliases) or None, mac_address=mac)

    def remove_network(self, name: str) -> None:
        """Remove a network; one that is gone is ignored. Raises DockerUnavailable if containers are on it."""
        with translated(), contextlib.suppress(docker_errors.NotFound):
            self._api.remove_network(name)

    def remove_volume(self, name: str) -> None:
        """Remove a volume; one that is gone is ignored. Raises Conflict if a container uses it."""
        with translated(), contextlib.suppress(docker_errors.NotFound):
            self._api.remove_volume(name)
