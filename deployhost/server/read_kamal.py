"""Reading what there is for Kamal's CLI on this server. Nothing is changed here."""

import os
import platform
import pwd
from collections.abc import Callable
from pathlib import Path

from deployhost.config import server as server_config
from deployhost.errors import DeployhostError
from deployhost.kamal import guard, guard_plan, installation
from deployhost.paths import Paths
from deployhost.server.facts_kamal import (
    LIBRARY,
    REGISTRY,
    REGISTRY_PROGRAM,
    SSHD,
    SSHD_PROGRAM,
    KamalFacts,
    KamalSetupFiles,
    ServiceFacts,
    WantedKamal,
)
from deployhost.server.kamal_program import program_hash
from deployhost.system import files
from deployhost.system.firewall import Firewall
from deployhost.system.process import run
from deployhost.system.services import Services

ASK_TIMEOUT = 20.0


def read_kamal_facts(
    wanted: WantedKamal, paths: Paths, services: Services, packages: frozenset[str], holder: Callable[[int], str]
) -> KamalFacts:
    """Return what there is for Kamal's CLI; `holder` tells who holds a port. Raises InvalidConfig if server.yml can't be read."""
    places = KamalSetupFiles(paths)
    texts = places.texts(wanted.ssh_port, pam=False, key="", host_key="")
    return KamalFacts(
        machine=platform.machine(),
        program=program_hash(paths.kamal_program),
        sshd=os.access(SSHD_PROGRAM, os.X_OK),
        registry_program=os.access(REGISTRY_PROGRAM, os.X_OK),
        library=LIBRARY in packages,
        buildx=has_buildx(paths),
        password_locked=_password_locked(paths),
        keys=public_keys(paths),
        files={path: found for path in texts if (found := _text_and_mode(path)) is not None},
        storage_owned=_owned(paths.registry),
        guarded=guard.is_there(Firewall()),
        ssh_port=server_config.load(paths.server_yml).ssh_port,
        sshd_service=_service(services, SSHD, holder(wanted.ssh_port)),
        registry_service=_service(services, REGISTRY, holder(guard_plan.PORT)),
    )


def has_buildx(paths: Paths) -> bool:
    """Return whether the docker command that Kamal's CLI would call has buildx."""
    try:
        run(["docker", "buildx", "version"], timeout=ASK_TIMEOUT, env=installation.environment(paths))
    except DeployhostError:
        return False
    return True


def public_keys(paths: Paths) -> dict[Path, str]:
    """Return by file the public half of each of our two keys that is whole."""
    found = {}
    for path in (paths.ssh_key, KamalSetupFiles(paths).host_key):
        public = files.read_text(path.with_name(path.name + ".pub"))
        if public is not None and path.exists():
            found[path] = public.strip()
    return found


def _service(services: Services, name: str, holder: str) -> ServiceFacts:
    return ServiceFacts(
        definition=services.definition(name),
        enabled=services.enabled(name),
        active=services.active(name),
        holder=holder,
    )


def _text_and_mode(path: Path) -> tuple[str, int] | None:
    text = files.read_text(path)
    return None if text is None else (text, path.stat().st_mode & 0o7777)


def _owned(storage: Path) -> bool:
    try:
        return storage.stat().st_uid == pwd.getpwnam(guard_plan.USER).pw_uid
    except (KeyError, OSError):
        return False


def _password_locked(paths: Paths) -> bool:
    shadow = files.read_text(paths.root / "etc/shadow") or ""
    return any(line.startswith("root:!") for line in shadow.splitlines())
