"""The directory from which Kamal's CLI works on one app: config/deploy.yml, .kamal/secrets and what they name. Root's only.

It is written anew for each use, never from a repository, and has no hooks: what lies in it is ours.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deployhost.kamal import env_values, trusted_yml
from deployhost.kamal.deploy_yml import KamalApp, deploy_yml
from deployhost.model import AppName, Version
from deployhost.paths import Paths
from deployhost.system import files

HEADER = """\
Written by deployhost, anew before each use: what is changed here is lost.
Settings belong into apps.yml, variables into `deployhost env set`.
"""
PRIVATE, PRIVATE_DIRECTORY = 0o600, 0o700


@dataclass(frozen=True)
class Project:
    """A project that was written: its directory, the version to run Kamal with, and what Kamal can't do with the app."""

    directory: Path
    version: Version
    port: int | None
    warnings: tuple[str, ...] = ()
    health: str = "/"

    @property
    def environment(self) -> dict[str, str]:
        """Return what Kamal's CLI needs in its environment to run here."""
        return {"VERSION": self.version}


class KamalProject:
    """Given the paths, write the apps' projects."""

    def __init__(self, paths: Paths) -> None:
        self._projects = paths.kamal_projects

    def write(self, app: KamalApp, env: Mapping[str, str], image: str) -> Path:
        """Given an app, its variables and the reference of the image that `kamal deploy` is to build on, return the directory.

        Variables that Kamal can't pass on are left out. Raise FileProblem.
        """
        directory = self.directory(app.app)
        found = env_values.split(env)
        exact = directory / ".kamal" / "exact.env"
        seen = replace(app, secrets=tuple(sorted(found.secrets)), env_file=exact if found.exact else None)
        texts = {
            "config/deploy.yml": deploy_yml(seen, header=HEADER),
            ".kamal/secrets": env_values.secrets_text(found.secrets),
            ".kamal/exact.env": env_values.env_file_text(found.exact),
            "Dockerfile": f"FROM {image}\n",
            ".dockerignore": "*\n",
        }
        return self._written(directory, texts)

    def write_trusted(self, app: KamalApp, env: Mapping[str, str], tree: Path) -> Path:
        """Given an app, its variables and a checkout whose own configuration is trusted, return the directory.

        Raise InvalidConfig for a value that Kamal would run, FileProblem.
        """
        env_values.refuse_commands(app.app, env)
        directory = self.directory(app.app)
        texts = {
            "config/deploy.yml": trusted_yml.trusted_yml(tree, directory),
            trusted_yml.ADDED_FILE: trusted_yml.added(app, directory / ".kamal" / "secrets"),
            trusted_yml.ENV_FILE: json.dumps(dict(env)),
            ".kamal/secrets": env_values.secrets_text(env_values.split(env).secrets),
        }
        return self._written(directory, texts)

    def _written(self, directory: Path, texts: Mapping[str, str]) -> Path:
        for folder in (self._projects, directory, directory / "config", directory / ".kamal"):
            files.make_directory(folder, PRIVATE_DIRECTORY)
        for name, text in texts.items():
            path, data = directory / name, text.encode()
            if files.read(path) != data:
                files.write_atomically(path, data, PRIVATE)
        return directory

    def directory(self, app: AppName) -> Path:
        """Given an app, return where its project lies."""
        return self._projects / app

    def remove(self, app: AppName) -> None:
        """Given an app that is removed, delete its project; one that is not there is no error."""
        shutil.rmtree(self._projects / app, ignore_errors=True)
