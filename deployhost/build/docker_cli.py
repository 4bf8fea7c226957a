"""Which docker command on this machine can build with BuildKit."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployhost.build.sources.source_policy import BUILDX
from deployhost.errors import CommandMissing, DeployhostError
from deployhost.system.process import run

USUAL = ("/usr/bin/docker", "/usr/local/bin/docker", "/snap/bin/docker")
LAST_WITH_OWN_CLIENT = 22  # from 23 on `docker build` is the buildx plugin
ASK_TIMEOUT = 20.0
PLUGIN = '{{range .ClientInfo.Plugins}}{{if eq .Name "buildx"}}{{.Path}}{{end}}{{end}}'
_VERSION = re.compile(r"version (\d+)\.(\d+)")
_BUILDX = re.compile(r"buildx v?(\d+)\.(\d+)")


@dataclass(frozen=True)
class Cli:
    """A docker command that can build: `buildx` says whether its builder is the plugin or the one that was built in until 22.

    `policies` says whether it tells BuildKit which sources a build may have (buildx v0.11, EXPERIMENTAL_BUILDKIT_SOURCE_POLICY).
    `plugin` is the plugin's own program, where it can be called without docker's (buildx's README, "invoking the binary
    directly"): that saves a third of a small build.
    """

    path: Path
    buildx: bool
    plugin: Path | None = None
    policies: bool = False

    @property
    def build(self) -> tuple[str, str]:
        """Return the beginning of a command that builds."""
        return str(self.plugin or self.path), "build"


class DockerCli:
    """Finds such a command in an environment (ours by default); what was found is kept."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._found: Cli | None = None

    def find(self) -> Cli:
        """Return a docker command that can build with BuildKit. Raises CommandMissing if there is none."""
        if self._found is None:
            self._found = self._search()
        return self._found

    def can_build(self) -> bool:
        """Return whether there is one."""
        try:
            self.find()
        except CommandMissing:
            return False
        return True

    def _search(self) -> Cli:
        seen = []
        for path in self._candidates():
            version = self._version(path)
            if version is not None and version <= LAST_WITH_OWN_CLIENT:
                return Cli(path, buildx=False)
            buildx = self._said(path, "buildx", "version") if version is not None else None
            if buildx is not None:
                return Cli(path, buildx=True, plugin=self._plugin(path), policies=_obeys_policies(buildx))
            seen.append(f"{path}: has no buildx plugin" if version is not None else f"{path}: does not say its version")
        raise CommandMissing(
            "no docker command that can build with BuildKit" if seen else "the docker command is not installed",
            hint="deployhost setup --local",
            details=tuple(seen),
        )

    def _candidates(self) -> Iterator[Path]:
        """Yield each docker command once, those of PATH first, whatever links lead to it."""
        folders = self._environ.get("PATH", os.defpath).split(os.pathsep)
        done = set()
        for path in (*(Path(folder) / "docker" for folder in folders if folder), *map(Path, USUAL)):
            real = path.resolve()
            if real not in done and path.is_file() and os.access(path, os.X_OK):
                done.add(real)
                yield path

    def _plugin(self, path: Path) -> Path | None:
        """Return the program of a docker command's plugin, if that works by itself."""
        said = (self._said(path, "info", "--format", PLUGIN) or "").strip()
        return Path(said) if said and self._answers(Path(said), "version") else None

    def _version(self, path: Path) -> int | None:
        match = _VERSION.search(self._said(path, "--version") or "")
        return int(match[1]) if match else None

    def _answers(self, path: Path, *arguments: str) -> bool:
        return self._said(path, *arguments) is not None

    def _said(self, path: Path, *arguments: str) -> str | None:
        try:
            done = run([str(path), *arguments], timeout=ASK_TIMEOUT, env=self._environ, check=False)
        except DeployhostError:
            return None
        return done.stdout if done.code == 0 else None


def _obeys_policies(said: str) -> bool:
    match = _BUILDX.search(said)
    return match is not None and (int(match[1]), int(match[2])) >= BUILDX
