"""The directory from which Kamal's CLI works on one app: config/deploy.yml, .kamal/secrets and what they name. Root's only.

It is written anew for each use, never from a repository, and has no hooks: what lies in it is ours.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deployhost.kamal import env_values, trusted_yml
from deployhost.kamal.deploy_yml import KamalApp, deploy_yml
from deployhost.model import AppName, Version
from deployhost.paths import Paths
from deployhost.system import files
from deployhost.system.tree import discard_tree

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


class KamalProject:
    """Writes the apps' projects: the one that a person's commands run in, and with `deploying` that of our own deploys.

    They are two directories, so that neither is rewritten while the other's Kamal is about to read it.
    """

    def __init__(self, paths: Paths) -> None:
        self._projects = paths.kamal_projects

    def write(self, app: KamalApp, env: Mapping[str, str], image: str, *, deploying: bool = False) -> Path:
        """Write an app's project and return its directory; `image` is what `kamal deploy` builds on.

        Variables that Kamal can't pass on are left out. Raises FileProblem.
        """
        directory = self._directory(app.app, deploying)
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

    def write_trusted(self, app: KamalApp, env: Mapping[str, str], tree: Path, *, deploying: bool = False) -> Path:
        """Write the project of an app whose own configuration, in the checkout `tree`, is trusted; return its directory.

        Raises InvalidConfig for a value that Kamal would run, FileProblem.
        """
        env_values.refuse_commands(app.app, env)
        directory = self._directory(app.app, deploying)
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

    def remove(self, app: AppName) -> None:
        """Delete the projects of an app that is removed; missing ones are ignored."""
        for deploying in (False, True):
            discard_tree(self._directory(app, deploying))

    def _directory(self, app: AppName, deploying: bool) -> Path:
        # A name that no app can have.
        return self._projects / (f"{app}.deploy" if deploying else app)
