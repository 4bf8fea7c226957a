"""The two services that Kamal's CLI needs, as the service manager of this machine wants them defined."""

import shlex
from pathlib import Path

from deployhost import templates
from deployhost.config import apps
from deployhost.config import server as server_config
from deployhost.errors import InvalidConfig
from deployhost.kamal import guard_plan, installation
from deployhost.kamal.guard_plan import Guarded
from deployhost.model import EngineName
from deployhost.paths import Paths
from deployhost.server.facts_kamal import (
    REGISTRY,
    REGISTRY_PROGRAM,
    SSHD,
    SSHD_PROGRAM,
    KamalSetupFiles,
    WantedKamal,
)
from deployhost.system.services import Services
from deployhost.system.supervised import supervised_definition


def kamal_wanted(paths: Paths, services: Services, *, asked: bool, ssh_port: int | None) -> WantedKamal | None:
    """Return what Kamal's CLI shall find on this server; None if nobody wants it.

    It is wanted if somebody asks for it, an app has `engine: kamal`, or it has been set up before.
    """
    if not (asked or installation.installed(paths) or _an_app_wants_it(paths.apps_yml)):
        return None
    places = KamalSetupFiles(paths)
    guard = guard_plan.before_start(Guarded(guard_plan.USER), str(places.registry_rules))
    if services.manager == "systemd":
        sshd = unit(SSHD, CONFIG=str(places.sshd_config))
        config, storage = str(places.registry_config), str(paths.registry)
        registry = unit(REGISTRY, CONFIG=config, USER=guard_plan.USER, STORAGE=storage, GUARD=guard)
    else:
        sshd = supervised_definition([str(SSHD_PROGRAM), "-D", "-f", str(places.sshd_config)])
        user = [f"--reuid={guard_plan.USER}", f"--regid={guard_plan.USER}", "--clear-groups", "--no-new-privs"]
        serve = [str(REGISTRY_PROGRAM), "serve", str(places.registry_config)]
        start = shlex.join(["/usr/bin/setpriv", *user, *serve])
        registry = supervised_definition(["/bin/sh", "-c", f"{guard} && exec {start}"])
    return WantedKamal(
        asked=asked,
        ssh_port=ssh_port or server_config.load(paths.server_yml).ssh_port,
        sshd_definition=sshd,
        registry_definition=registry,
    )


def unit(name: str, **values: str) -> str:
    """Return the text of a service's systemd unit, with the values in place of each @KEY@ of its template."""
    text = templates.read_template(f"systemd/{name}.service")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _an_app_wants_it(apps_yml: Path) -> bool:
    try:
        return any(app.engine is EngineName.KAMAL for app in apps.load(apps_yml).apps.values())
    except InvalidConfig:
        return False  # the daemon tells; set-up must not fail for a mistake in one app
