"""Reads what containers there are, how they are plugged in, and what apps.yml lets them reach of the host, for `host_plan`."""

import contextlib
import ipaddress
import logging
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from deployhost.build.labels import APP_LABEL, DEPLOY_LABEL
from deployhost.config.reachable import HostDoor, Reachable
from deployhost.containers.belongs import app_of
from deployhost.errors import DeployhostError
from deployhost.kamal import contract
from deployhost.model import AppName
from deployhost.system.addresses import Address, HostAddresses
from deployhost.system.bridge import Bridges
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Listed, Network
from deployhost.traffic import host_plan
from deployhost.traffic.host_doors_plan import Door, Doors
from deployhost.traffic.host_plan import HostWanted

DEFAULT = "bridge"  # the engine's network on which BuildKit runs what a Dockerfile says
Endpoints = Callable[[], Iterable[tuple[str, int]]]
log = logging.getLogger(__name__)


class SaysWhoMayReach(Protocol):
    """Knows what each app may reach, as apps.yml has it now."""

    def may_reach(self) -> Mapping[AppName, tuple[Reachable, ...] | None]:
        """Return it; None: that app's own settings can't be read."""


@dataclass
class HostReader:
    """Reads what is wanted of the rules about the host.

    `endpoints` returns the hosts and ports of the registries and proxies that the host's own settings have builds use.
    """

    docker: Docker
    bridges: Bridges
    addresses: HostAddresses
    apps_yml: SaysWhoMayReach
    endpoints: Endpoints
    network: str = contract.NETWORK
    builds_network: str = DEFAULT
    chains: tuple[str, str, str] = (host_plan.APPS, host_plan.BUILDS, host_plan.REFUSE)
    group: int = host_plan.GROUP
    _known: dict[AppName, tuple[HostDoor, ...]] = field(default_factory=dict, init=False)
    _bridge_of_builds: str = field(default="", init=False)

    def read(self, *, building: bool) -> Iterator[HostWanted | Doors]:
        """Yield what is wanted for the apps' network and for that of builds. Raise DockerUnavailable, OSError."""
        apps, builds = self.docker.network(self.network), self.docker.network(self.builds_network)
        if apps is None:
            return
        self._bridge_of_builds = "" if builds is None else builds.bridge
        may_reach, running = self.may_reach(), self.docker.listed({}, running_only=True)
        local, outward = self.addresses.local(), self.addresses.outward()
        doors = self._doors(apps, running, may_reach)
        strangers = [one for one in running if apps.name in one.ips and not self._is_ours(one, may_reach)]
        others = self._ports_of(apps, strangers)
        besides = [one for one in running if builds is not None and builds.name in one.ips]
        for_builds = self._ports_of(builds, besides) if builds is not None and building else {}
        endpoints = self._endpoints(local) if building else ()
        opened = tuple(sorted({door.to.port for door in doors if door.to.port is not None}))
        for v6 in (False, True):
            yield Doors(apps.bridge, v6, self.chains[0], doors, tuple(sorted(others.values())))
            wanted = HostWanted(
                bridge=apps.bridge,
                v6=v6,
                chain=self.chains[0],
                refuse=self.chains[2],
                public=host_plan.public(local, outward, v6=v6),
                opened=opened,
                group=self.group,
            )
            yield wanted
            if builds is not None:
                yield Doors(builds.bridge, v6, self.chains[1], (), tuple(sorted(for_builds.values())))
                at = tuple((str(one), port) for one, port in endpoints if (one.version == 6) == v6)
                yield replace(
                    wanted, bridge=builds.bridge, chain=self.chains[1], asked=building, opened=(), endpoints=at
                )

    def _doors(
        self, network: Network, running: Sequence[Listed], may_reach: Mapping[AppName, tuple[HostDoor, ...]]
    ) -> tuple[Door, ...]:
        opened = [
            (one, may_reach[app])
            for one in running
            if network.name in one.ips and (app := app_of(one)) is not None and may_reach.get(app)
        ]
        ports = self._ports_of(network, [one for one, _ in opened])
        return tuple(Door(ports[one.id], to) for one, doors in opened if one.id in ports for to in doors)

    def _ports_of(self, network: Network, containers: Iterable[Listed]) -> dict[str, str]:
        """Return by its id the bridge's port that each container is plugged into."""
        found = {
            one.id: inspected.pid for one in containers if (inspected := self.docker.find(one.id)) and inspected.running
        }
        ports = self.bridges.ports(network.bridge, list(found.values()))
        return {name: ports[pid] for name, pid in found.items() if pid in ports}

    def _is_ours(self, container: Listed, apps: Collection[AppName]) -> bool:
        """Return whether a container is kept away from the host: one of an app, whoever made it, and the proxy.

        What an app's image has of labels of ours, no Dockerfile can take away: the build sets them.
        """
        labels = container.labels
        return (
            container.name == contract.PROXY_CONTAINER
            or labels.get("service", "") in apps
            or any(name in labels for name in ("role", APP_LABEL, DEPLOY_LABEL))
        )

    def _endpoints(self, local: Sequence[tuple[str, Address]]) -> list[tuple[Address, int]]:
        """Return the addresses of the host at which registries and proxies of its own settings are."""
        own = {address for _, address in local if not address.is_loopback}
        found = []
        for host, port in self.endpoints():
            with contextlib.suppress(OSError, ValueError):
                answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                resolved = {ipaddress.ip_address(answer[4][0]) for answer in answers}
                found += [(address, port) for address in sorted(resolved & own, key=str)]
        return found

    def may_reach(self) -> Mapping[AppName, tuple[HostDoor, ...]]:
        """Return what of the host each app may reach; as it was where apps.yml can't be read."""
        try:
            found = self.apps_yml.may_reach().items()
            self._known = {
                app: self._known.get(app, ())
                if reached is None
                else tuple(one for one in reached if isinstance(one, HostDoor))
                for app, reached in found
            }
        except DeployhostError as error:
            # apps.yml may be broken for as long as its owner needs: what was allowed last stays so.
            log.debug("what of the host apps may reach stays as it was: %s", error)
        return self._known

    def ports_of_builds(self) -> frozenset[str]:
        """Return the ports of the bridge on which builds run, as far as it is known."""
        try:
            folder = self.bridges.sys / self._bridge_of_builds / "brif"
            return frozenset(one.name for one in folder.iterdir()) if self._bridge_of_builds else frozenset()
        except OSError:
            return frozenset()
