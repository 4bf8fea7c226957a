"""The two services that Kamal's CLI needs, as the service manager of this machine wants them defined."""

from pathlib import Path

from deployhost import templates
from deployhost.config import apps
from deployhost.config import server as server_config
from deployhost.errors import InvalidConfig
from deployhost.kamal import installation
from deployhost.model import EngineName
from deployhost.paths import Paths
from deployhost.server.facts_kamal import (
    REGISTRY,
    REGISTRY_PROGRAM,
    REGISTRY_USER,
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
    if services.manager == "systemd":
        sshd = unit(SSHD, CONFIG=str(places.sshd_config))
        registry = unit(REGISTRY, CONFIG=str(places.registry_config), USER=REGISTRY_USER, STORAGE=str(paths.registry))
    else:
        sshd = supervised_definition([str(SSHD_PROGRAM), "-D", "-f", str(places.sshd_config)])
        user = [f"--reuid={REGISTRY_USER}", f"--regid={REGISTRY_USER}", "--clear-groups", "--no-new-privs"]
        serve = [str(REGISTRY_PROGRAM), "serve", str(places.registry_config)]
        registry = supervised_definition(["/usr/bin/setpriv", *user, *serve])
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
