"""Which steps take deployhost off a server. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployhost.kamal import contract
from deployhost.paths import Paths
from deployhost.server import steps, steps_tunnel
from deployhost.server.facts import DAEMON, STORAGE
from deployhost.server.facts_tunnel import TUNNEL
from deployhost.server.plan_tunnel import remove_program
from deployhost.steps import Plan, Step


@dataclass(frozen=True, kw_only=True)
class Present:
    """What there is of deployhost on the server. `engine_kept`: our supervisor keeps Docker running; `added`: what set-up installed."""

    daemon: bool = False
    listener: bool = False
    engine: bool = False
    engine_kept: bool = False
    proxy: bool = False
    running: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    network: bool = False
    program_files: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    added: tuple[str, ...] = ()
    storage_service: bool = False
    storage_bound: bool = False
    kamal_services: tuple[str, ...] = ()
    kamal_files: tuple[Path, ...] = ()
    accounts: tuple[str, ...] = ()  # what stays with others, and what removes it
    held_back: tuple[Path, ...] = ()  # what keeps packages from starting services of their own
    tunnel: bool = False  # whether there is the tunnel's service
    tunnel_packages: tuple[str, ...] = ()  # that set-up installed for it
    tunnel_files: tuple[Path, ...] = ()  # that set-up wrote for it
    cloudflare_sdk: tuple[Path, ...] = ()
    users: tuple[str, ...] = ()  # that set-up created


def plan_uninstall(present: Present, paths: Paths, *, purge: bool) -> Plan:
    """Return the steps that remove the program, or with `purge` the data too, and notes on what stays."""
    return Plan((*_program(present), *(_data(present) if purge else ())), tuple(_stays(present, paths, purge=purge)))


def _program(present: Present) -> Iterator[Step]:
    if present.daemon:
        yield steps.RemoveService(
            what=f"stop and remove the service {DAEMON}", why="it is the program itself", name=DAEMON
        )
    if present.listener:
        yield steps.EndListener(
            what="end the webhook's listener", why="it outlives the daemon, whose next start it serves"
        )
    yield from _tunnel(present)
    for name in present.kamal_services:
        yield steps.RemoveService(
            what=f"stop and remove the service {name}", why="only Kamal's command needs it", name=name
        )
    if present.kamal_files:
        yield steps.UninstallFiles(
            what=f"delete Kamal's command, its key and what it pushed ({len(present.kamal_files)})",
            why="setup creates them again",
            paths=present.kamal_files,
        )
    if present.proxy:
        yield steps.UninstallContainers(
            what="remove the container kamal-proxy",
            why="nothing answers requests any more; its routes are kept in a volume",
            names=(contract.PROXY_CONTAINER,),
        )
    if present.running:
        yield steps.StopContainers(
            what=f"stop the apps' containers ({', '.join(present.running)})",
            why="they are kept: setup starts them again",
            names=present.running,
        )
    if present.storage_service:
        yield steps.RemoveService(
            what=f"remove the service {STORAGE}", why="no app's containers start at boot any more", name=STORAGE
        )
    if present.storage_bound:
        yield steps.UnbindStorage(what="unmount the apps' storage from itself", why="the files in it are kept")
    if present.program_files:
        yield steps.UninstallFiles(
            what=f"delete shell completions ({len(present.program_files)})",
            why="they belong to the program",
            paths=present.program_files,
        )
    if present.engine_kept:
        yield steps.ReleaseService(
            what="stop supervising the Docker engine",
            why="it keeps running, and nothing restarts it if it stops",
            name="dockerd",
        )


def _tunnel(present: Present) -> Iterator[Step]:
    if present.tunnel:
        yield steps.RemoveService(
            what=f"stop and remove the service {TUNNEL}", why="nothing answers its requests any more", name=TUNNEL
        )
    yield from remove_program(present.tunnel_packages, present.tunnel_files)
    if present.cloudflare_sdk:
        yield steps.UninstallFiles(
            what="delete Cloudflare's SDK", why="setup gets it again", paths=present.cloudflare_sdk
        )
    if present.users:
        yield steps_tunnel.UninstallUsers(
            what=f"delete the system users {', '.join(present.users)}", why="setup created them", names=present.users
        )


def _data(present: Present) -> Iterator[Step]:
    containers = (*present.running, *present.stopped)
    if containers:
        yield steps.UninstallContainers(
            what=f"remove the apps' containers ({', '.join(containers)})", why="--purge", names=containers
        )
    if present.images:
        yield steps.UninstallImages(
            what=f"remove the apps' images ({len(present.images)})", why="--purge", references=present.images
        )
    if present.network:
        yield steps.RemoveNetwork(
            what=f"remove the network {contract.NETWORK} and kamal-proxy's routes",
            why="--purge",
            network=contract.NETWORK,
            volume=contract.PROXY_CONFIG_VOLUME,
        )
    if present.data:
        yield steps.UninstallFiles(
            what=f"delete {', '.join(map(str, present.data))}",
            why="--purge: settings, secrets, repositories and the apps' storage are deleted for good",
            paths=present.data,
        )


def _stays(present: Present, paths: Paths, *, purge: bool) -> Iterator[str]:
    yield from present.accounts
    if not purge:
        yield f"kept: {paths.config}, {paths.state} (storage, repositories, journal), images and stopped containers; --purge deletes them"
    if present.added:
        yield f"Docker is kept; this removes what setup installed: apt-get remove --purge {' '.join(present.added)}"
        if present.held_back:
            yield f"and this removes what keeps those packages' own services from starting: rm {' '.join(map(str, present.held_back))}"
    elif present.engine:
        yield "Docker is kept: it was here before setup"
