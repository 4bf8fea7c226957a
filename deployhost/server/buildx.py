"""Getting the buildx plugin, without which a docker command from 23 on can't build."""

import os
import tempfile
from pathlib import Path

from deployhost.build.docker_cli import DockerCli
from deployhost.errors import CommandFailed, CommandMissing, CommandTimedOut, DeployhostError, SetupFailed
from deployhost.server.go import Go
from deployhost.system import files
from deployhost.system.process import OnLine, run

PACKAGES = ("docker-buildx-plugin", "docker-buildx")  # docker.com's and the distribution's
MODULE = "github.com/docker/buildx/cmd/buildx"
VERSION = "v0.38.2"
LEAST_GO = (1, 25)
PLUGIN = Path("/usr/local/lib/docker/cli-plugins/docker-buildx")  # where every docker command looks, among others
APT_TIMEOUT = 600.0
BUILD_TIMEOUT = 1200.0


def install_buildx(say: OnLine) -> str:
    """Have a docker command that can build; return which one, and where its plugin is from.

    Raises SetupFailed with what each way said if none works.
    """
    problems = []
    for name in PACKAGES:
        problem = install_package(name, say)
        if not problem and DockerCli().can_build():
            return f"{DockerCli().find().path}, with the package {name}"
        problems.append(f"package {name}: {problem or 'is no plugin of this docker command'}")
    try:
        build(PLUGIN, say)
        return f"{DockerCli().find().path}, with buildx {VERSION} built from its Go module"
    except DeployhostError as error:
        problems.append(f"Go module: {error.message}")
        problems.extend(error.details[-3:])
    raise SetupFailed(
        "no docker command here can build, and the buildx plugin can't be installed",
        hint="apt-get update && apt-get install docker-buildx",
        details=tuple(problems),
    )


def install_package(name: str, say: OnLine) -> str:
    """Install a package; return why that failed, or ""."""
    # --no-remove: the distribution's plugin must not push out docker.com's engine, nor the other way round.
    options = ["-y", "--no-install-recommends", "--no-remove", "-o", "DPkg::Lock::Timeout=120"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(["apt-get", "install", *options, name], timeout=APT_TIMEOUT, env=env, on_line=say)
    except (CommandFailed, CommandMissing, CommandTimedOut) as error:
        return error.details[-1] if error.details else error.message
    return ""


def build(to: Path, say: OnLine) -> None:
    """Build the plugin from its Go module and put it at `to`. Raises DeployhostError."""
    go = Go(LEAST_GO)
    say(f"building buildx {VERSION} from its Go module (about two minutes)")
    with tempfile.TemporaryDirectory(prefix="deployhost-buildx-") as work:
        go.run(
            ["install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"],
            timeout=BUILD_TIMEOUT,
            on_line=say,
            more={"GOBIN": work},
        )
        files.make_directory(to.parent)
        files.write_atomically(to, (Path(work) / "buildx").read_bytes(), 0o755)
