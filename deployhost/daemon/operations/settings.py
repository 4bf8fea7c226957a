"""The operations that change an app's settings and apply them without a build: env, storage."""

from datetime import UTC, datetime

from deployhost.config import apps as apps_yml
from deployhost.config.app import AppConfig
from deployhost.control import results
from deployhost.control.messages import Message
from deployhost.control.views import DeployView
from deployhost.daemon.control import Emit
from deployhost.daemon.operations import requests
from deployhost.daemon.operations.apps import listed
from deployhost.daemon.operations.following import shown
from deployhost.daemon.parts import Parts
from deployhost.model import MOUNTED_AT, EnvName, Trigger


def env_list(parts: Parts, request: Message, _emit: Emit) -> results.EnvFound:
    """Return an app's variables, their values only if `reveal` is asked for."""
    app = listed(parts, request).name
    reveal = bool(request.get("reveal"))
    return {
        "app": app,
        "env": [
            {"name": entry.name, "value": entry.value.reveal() if reveal else None, "updated_at": entry.updated_at}
            for entry in parts.env.entries(app)
        ],
    }


def env_set(parts: Parts, request: Message, emit: Emit) -> results.EnvChanged:
    """Set variables of an app and apply them, unless the live container runs with them already."""
    config = listed(parts, request)
    values = {EnvName(name): value for name, value in requests.values(request, "values").items()}
    changed = parts.env.set(config.name, values, datetime.fromtimestamp(parts.clock.time(), UTC))
    rest: results.EnvChange = {"app": config.name, "changed": list(changed)}
    pending = bool(changed) or not parts.live_settings.has_variables(config, values)
    return {**rest, "deploy": _apply(parts, request, emit, pending=pending, rest=rest)}


def env_unset(parts: Parts, request: Message, emit: Emit) -> results.EnvChanged:
    """Remove variables of an app and apply that, unless the live container runs without them already."""
    config = listed(parts, request)
    names = list(dict.fromkeys(EnvName(name) for name in requests.texts(request, "names")))
    changed = parts.env.unset(config.name, names)
    not_set = [str(name) for name in names if name not in changed]
    rest: results.EnvChange = {"app": config.name, "changed": list(changed), "not_set": not_set}
    pending = bool(changed) or not parts.live_settings.has_variables(config, dict.fromkeys(names))
    return {**rest, "deploy": _apply(parts, request, emit, pending=pending, rest=rest)}


def storage_show(parts: Parts, request: Message, _emit: Emit) -> results.StorageShown:
    """Return where an app's storage lies, if it has any, and whether its live container has it mounted."""
    config = listed(parts, request)
    return {**_storage(parts, config), "mounted": _mounted(parts, config), "deploy": None}


def storage_set(parts: Parts, request: Message, emit: Emit, *, on: bool) -> results.StorageChanged:
    """Give an app storage, or no longer mount it."""
    app = listed(parts, request).name
    changed = apps_yml.set_storage(parts.apps.path, app, on)
    config = parts.apps.get(app)
    rest: results.StorageChange = {**_storage(parts, config), "changed": changed}
    pending = changed or _mounted(parts, config) not in (on, None)
    return {**rest, "deploy": _apply(parts, request, emit, pending=pending, rest=rest)}


def _mounted(parts: Parts, config: AppConfig) -> bool | None:
    # A configuration of the repository's own says by itself what is mounted.
    return None if config.trust_repo_config else parts.live_settings.has_storage(config.name)


def _storage(parts: Parts, config: AppConfig) -> results.StorageState:
    path = parts.paths.storage(config.name)
    return {
        "app": config.name,
        "enabled": config.storage,
        "path": str(path) if config.storage or path.exists() else None,
        "mounted_at": MOUNTED_AT if config.storage else None,
    }


def _apply(parts: Parts, request: Message, emit: Emit, *, pending: bool, rest: Message) -> DeployView | None:
    live = parts.releases.live(rest["app"])
    if not pending or live is None:
        return None
    return shown(parts, parts.intake.repeat(live, Trigger.SETTINGS), request, emit, rest)
