"""The logins of the host's docker command, and a copy of its settings without them: BuildKit asks for a login whatever a Dockerfile names."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployhost.system import files

CONFIG = "config.json"
# docs.docker.com/reference/cli/docker/login; headers may carry a login too.
LOGINS = ("auths", "credHelpers", "credsStore", "HttpHeaders")


def without_logins(environ: Mapping[str, str], home: Path, to: Path) -> dict[str, str]:
    """Return the variables by which docker's command knows no logins; {} where the host has none.

    `to` is a directory to be made for that. Plugins, contexts and all other settings are the host's. Raise FileProblem.
    """
    theirs = _directory(environ, home)
    settings = _settings(theirs)
    if not _logins(settings):
        return {}
    files.make_directory(to.parent, 0o700)
    files.make_directory(to, 0o700)
    try:
        for path in theirs.iterdir():
            if path.name != CONFIG:
                (to / path.name).symlink_to(path)
    except OSError as error:
        raise files.problem("link", to, error) from error
    kept = {name: value for name, value in settings.items() if name not in LOGINS}
    files.write_atomically(to / CONFIG, json.dumps(kept).encode(), 0o600)
    return {"DOCKER_CONFIG": str(to)}


def registries_logged_in(environ: Mapping[str, str], home: Path) -> frozenset[str]:
    """Return the registries that the host is logged in to, as its settings name them; a store of all of them counts as "*"."""
    settings = _settings(_directory(environ, home))
    named = {name for key in ("auths", "credHelpers") for name in settings.get(key) or ()}
    return frozenset(named | ({"*"} if settings.get("credsStore") else set()))


def _directory(environ: Mapping[str, str], home: Path) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or home / ".docker")


def _settings(directory: Path) -> dict[str, Any]:
    try:
        found = json.loads((directory / CONFIG).read_bytes())
    except (OSError, ValueError):
        return {}  # docker's command warns of it, and has no logins then
    return found if isinstance(found, dict) else {}


def _logins(settings: Mapping[str, Any]) -> bool:
    return any(settings.get(name) for name in LOGINS)
