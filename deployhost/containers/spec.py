"""What the containers of an app are made from, whichever engine makes them: the one place that knows. Pure.

The direct engine adds what belongs to one deploy (names, labels, variables); Kamal's deploy.yml says the same in its own words
(kamal/deploy_yml.py), so that a container which `kamal rollback` makes equals ours.
"""

import json
from pathlib import Path

from deployhost.build.labels import INIT_LABEL
from deployhost.config.app import AppConfig
from deployhost.containers.capabilities import ALL, capabilities
from deployhost.containers.processes import Process
from deployhost.kamal import contract
from deployhost.model import MOUNTED_AT, Deploy
from deployhost.sizes import size_text
from deployhost.system.docker_model import ContainerSpec, Image, Listed, Network

DEFAULT_PORT = 8080
PUSHED_AT = "DEPLOYHOST_PUSHED_AT"
PROXY_NETWORK = "DEPLOYHOST_PROXY_NETWORK"  # with commas between, as the starts that are generated take them
PROXY_ADDRESSES = "DEPLOYHOST_PROXY_ADDRESSES"
PIDS_LIMIT = 4096  # processes and threads of one app; what is more is a fork bomb


def container_of(image: Image, config: AppConfig, process: Process, storage: Path) -> ContainerSpec:
    """Return what the container of one of an app's processes is made from; `storage` is where the app's storage lies.

    `env` has only what deployhost itself sets, and no secrets.
    """
    generated = image.labels.get(INIT_LABEL) == "true"
    return ContainerSpec(
        name=config.name,
        image=image.id,
        env={"PORT": str(port_for(image, config)), "DEPLOYHOST_APP": config.name},
        network=contract.NETWORK,
        aliases=contract.aliases(config.name, process.name),
        command=process.argv,
        binds=(f"{storage}:{MOUNTED_AT}",) if config.storage else (),
        restart=contract.RESTART,
        log_max_size=size_text(config.log_size),  # for Docker's logs, an m is a million bytes
        stop_timeout=config.stop_timeout,
        init=generated,
        security_opt=("no-new-privileges",),
        pids_limit=PIDS_LIMIT,
        memory=config.memory_of(process.name),
        cpus=config.cpus_of(process.name),
        cap_drop=(ALL,),
        cap_add=capabilities(generated, image.user),
    )


def proxy_variables(network: Network | None, proxy: Listed | None) -> dict[str, str]:
    """Return the variables that tell an app whose X-Forwarded-… headers it may believe: kamal-proxy's.

    Its requests come from Kamal's network. What it appends to X-Forwarded-For for requests through the tunnel is the host's
    own address there, so that is among the addresses.
    """
    if network is None:
        return {}
    addresses = (
        *((proxy.ips.get(network.name, ""), proxy.ip6s.get(network.name, "")) if proxy else ()),
        *network.gateways,
    )
    found = {PROXY_NETWORK: network.subnets, PROXY_ADDRESSES: addresses}
    return {name: ",".join(filter(None, values)) for name, values in found.items() if any(values)}


def settings_label(config: AppConfig) -> str:
    """Return what an app's web container says of its settings, as JSON (containers/ran_with.py reads it)."""
    said = {"port": config.port, "health": config.health, "release": config.release}
    return json.dumps({key: value for key, value in said.items() if value is not None})


def pushed_at(deploy: Deploy) -> str:
    """Return the value of the variable that tells an app when its deploy was requested."""
    return f"{deploy.requested_at:.3f}"


def port_for(image: Image, config: AppConfig) -> int:
    """Return $PORT: the configured port, else 8080 unless only other ports are EXPOSEd, else the lowest of those."""
    # An image inherits what its base exposes (nginx: 80), so the lowest alone may be a port that nobody listens on.
    by_default = DEFAULT_PORT if DEFAULT_PORT in image.exposed else next(iter(image.exposed), DEFAULT_PORT)
    return config.port or by_default
