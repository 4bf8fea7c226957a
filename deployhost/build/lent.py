"""What the host lends to one build: its pip, npm and certificate settings as secret files, and docker's own settings."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployhost.build import host_files
from deployhost.build.docker_logins import without_logins
from deployhost.system import files
from deployhost.system.tree import discard_tree

SECRET_LIMIT = 500 * 1024  # bytes; BuildKit takes no larger one


@dataclass(frozen=True)
class Lent:
    """Files by the ids under which a Dockerfile mounts them, and variables for docker's command."""

    secrets: Mapping[str, Path]
    environment: Mapping[str, str]


@contextlib.contextmanager
def lent(environ: Mapping[str, str], folder: Path, *, credentials: bool, say: Callable[[str], None]) -> Iterator[Lent]:
    """Yield what is lent, in a directory that is gone afterwards; no layer holds any of it.

    Without `credentials` there are no tokens, passwords and logins in it. Raise FileProblem.
    """
    home = Path(environ.get("HOME", "/root"))
    texts = {
        "pip_conf": host_files.host_pip_conf(environ, home, credentials=credentials),
        "npmrc": host_files.host_npmrc(environ, home, credentials=credentials),
    }
    found: dict[str, Path] = {}
    discard_tree(folder)  # what a killed build left
    try:
        for name, text in texts.items():
            if text:
                found[name] = _private(folder, name, text)
        bundle = host_files.host_ca_bundle(environ)
        if bundle is not None and bundle.stat().st_size <= SECRET_LIMIT:
            found["ca"] = bundle
        elif bundle is not None:
            say(f"warning: {bundle} is too large to be lent to the build")
        yield Lent(found, {} if credentials else without_logins(environ, home, folder / "docker"))
    finally:
        discard_tree(folder)


def _private(folder: Path, name: str, text: str) -> Path:
    """Write a file that only root can read."""
    files.make_directory(folder.parent, 0o700)
    files.make_directory(folder, 0o700)
    path = folder / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise files.problem("write", path, error) from error
    return path
