"""Reading what a server is: everything set-up looks at, once, into ServerFacts. Nothing is changed here."""

import contextlib
import shutil
from pathlib import Path

from deployhost.build.docker_cli import DockerCli
from deployhost.config import apps
from deployhost.config import server as server_config
from deployhost.control import client
from deployhost.errors import CommandMissing, DaemonUnavailable, DeployhostError, DockerUnavailable, RemoteError
from deployhost.kamal import contract
from deployhost.paths import Paths
from deployhost.server import facts
from deployhost.server.facts_kamal import KamalSetupFiles
from deployhost.server.plan_proxy import LOOPBACK, usable_image
from deployhost.server.proxy_container import program_image
from deployhost.server.read_kamal import read_kamal_facts
from deployhost.system import bind_mount, files, json_file, machine, packages
from deployhost.system.addresses import HostAddresses
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container
from deployhost.system.firewall import Family, Firewall
from deployhost.system.services import PATH, Services
from deployhost.traffic import host_connections, host_plan

PING_TIMEOUT = 3.0


def read_facts(wanted: facts.WantedServer, docker: Docker, services: Services, installed: Path) -> facts.ServerFacts:
    """Return the facts of this server; those of paths and the port are about what is wanted.

    `installed` is where install.sh puts the program. Raises InvalidConfig if server.yml can't be read.
    """
    paths = wanted.paths
    distribution = machine.distribution(paths.root / "etc/os-release")
    engine = _engine(docker, services)
    containers = docker.containers({}) if engine.answers else []
    proxy = next((container for container in containers if container.name == contract.PROXY_CONTAINER), None)
    image = _proxy_image(docker, proxy) if engine.answers else ""
    there = packages.installed()

    def holder(port: int) -> str:
        return str(_holder(port, containers) or "")

    return facts.ServerFacts(
        distribution=distribution.id,
        distribution_name=distribution.name,
        systemd=services.manager == "systemd",
        packages=there,
        install_interrupted=packages.read_record(facts.install_record(paths)).interrupted,
        git=_is_there("git"),
        apparmor_parser_missing=_apparmor() and not _is_there("apparmor_parser"),
        daemon_json=facts.daemon_json(paths).exists(),
        engine=engine,
        directories=machine.modes((*wanted.directories, *KamalSetupFiles(paths).directories)),
        http_port=server_config.load(paths.server_yml).http_port,
        port_holder=_holder(wanted.http_port, containers),
        network=engine.answers and docker.network_exists(contract.NETWORK),
        proxy_image=image,
        proxy=None if proxy is None else _proxy(proxy, docker),
        proxy_binary=program_image(paths),
        daemon=_daemon(paths, services),
        storage=facts.StorageFacts(
            # A tree below another root is a test's.
            bound=paths.root != Path("/") or bind_mount.is_bound(paths.storage_root),
            definition=services.definition(facts.STORAGE),
            enabled=services.enabled(facts.STORAGE),
        ),
        completions={path: text for path in wanted.completions if (text := files.read_text(path)) is not None},
        old_installs=_old_installs(installed, wanted.prefix),
        stopped_apps=tuple(json_file.read_json(facts.stopped_record(paths)).get("containers", ())),
        on_the_host=_on_the_host(paths, containers),
        kamal=None if wanted.kamal is None else read_kamal_facts(wanted.kamal, paths, services, there, holder),
    )


def _on_the_host(paths: Paths, containers: list[Container]) -> tuple[tuple[str, str], ...]:
    """Return which apps are connected to this server itself, unless they are kept away from it already."""
    try:
        if f"-N {host_plan.APPS}" in Firewall().rules(Family.IPV4):
            return ()
        local = {str(address) for _, address in HostAddresses().local()}
        allowed = {app: config.may_reach for app, config in apps.load(paths.apps_yml).apps.items()}
    except (DeployhostError, OSError):
        return ()  # what is wrong with them is told elsewhere
    found = host_connections.connected(containers, local)
    return tuple((str(app), str(to)) for app, to in found if to not in allowed.get(app, ()))


def builder() -> str:
    """Return the path of the docker command that builds would use, or "" if none can build."""
    try:
        return str(DockerCli({"PATH": PATH, "HOME": "/root"}).find().path)
    except CommandMissing:
        return ""


def _engine(docker: Docker, services: Services) -> facts.EngineFacts:
    version = ""
    with contextlib.suppress(DockerUnavailable):
        version = docker.info().version
    unit = "docker" if services.manager == "systemd" else "dockerd"
    other: facts.Manager = "other" if version else ""
    return facts.EngineFacts(
        installed=_is_there("dockerd"),
        answers=bool(version),
        version=version,
        manager=services.manager if services.active(unit) else other,
        enabled=services.enabled(unit),
        definition=services.definition(unit),
        builder=builder(),
    )


def _holder(port: int, containers: list[Container]) -> facts.PortHolder | None:
    clashing = ("", "0.0.0.0", "::", LOOPBACK)  # noqa: S104 - addresses to look for, not to bind
    for container in containers:
        bound = [host_port for _, address, host_port in container.bindings if address in clashing]
        if container.running and port in bound:
            return facts.PortHolder(container=container.name)
    listener = machine.listener(port)
    return None if listener is None else facts.PortHolder(listener.pid, listener.program)


def _proxy_image(docker: Docker, proxy: Container | None) -> str:
    """Return the id of the image that kamal-proxy runs, or would run; "" if it is not there."""
    reference = proxy.image if proxy is not None and usable_image(proxy.image) else contract.PROXY_IMAGE
    image = docker.image(reference)
    return "" if image is None else image.id


def _proxy(container: Container, docker: Docker) -> facts.ProxyFacts:
    key, title = contract.PROXY_TITLE_LABEL
    image = docker.image(container.image_id)
    labels = {**(image.labels if image is not None else {}), **container.labels}
    return facts.ProxyFacts(
        image=container.image,
        running=container.running,
        titled=labels.get(key) == title,
        bindings=container.bindings,
        mounts=container.mounts,
        networks=container.networks,
        restart=container.restart,
        log_max_size=container.log_max_size,
        mac=container.macs.get(contract.NETWORK, ""),
    )


def _daemon(paths: Paths, services: Services) -> facts.DaemonFacts:
    version, prefix = "", ""
    with contextlib.suppress(DaemonUnavailable, RemoteError):
        answer = client.call(str(paths.control_socket), "ping", timeout=PING_TIMEOUT)
        version = str(answer.get("version", ""))
        # A console script runs as "<venv>/bin/python <script>": its interpreter says which installation this is.
        argv = machine.command_line(int(answer.get("pid", 0)))
        prefix = str(Path(argv[0]).parent.parent) if argv else ""
    return facts.DaemonFacts(
        definition=services.definition(facts.DAEMON),
        enabled=services.enabled(facts.DAEMON),
        active=services.active(facts.DAEMON),
        version=version,
        prefix=prefix,
    )


def _old_installs(installed: Path, prefix: str) -> tuple[Path, ...]:
    """Return the installations beside our own; none if we do not run from there (a checkout's venv)."""
    if Path(prefix).parent != installed or (installed / "current").resolve() != Path(prefix):
        return ()
    return tuple(sorted(path for path in installed.glob("venv-*") if path != Path(prefix) and path.is_dir()))


def _is_there(program: str) -> bool:
    return shutil.which(program, path=PATH) is not None


def _apparmor() -> bool:
    return (files.read_text(Path("/sys/module/apparmor/parameters/enabled")) or "").strip() == "Y"
