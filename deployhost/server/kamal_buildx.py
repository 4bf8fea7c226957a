"""The buildx plugin for Kamal's CLI: the distribution's package, else Docker's own image of it, else its Go module.

It lies where only Kamal's docker command looks: builds of the direct engine go on as they are.
"""

import time
from collections.abc import Callable
from pathlib import Path

from deployhost.build import registries
from deployhost.errors import DeployhostError, DockerUnavailable, NotFound, SetupFailed
from deployhost.server import buildx
from deployhost.server.go import install_command
from deployhost.server.proxy_image import PULL_SILENCE, PULL_WAIT, extract_binary
from deployhost.system import packages
from deployhost.system.docker import Docker
from deployhost.system.process import OnLine

IMAGE = f"docker/buildx-bin:{buildx.VERSION.removeprefix('v')}"  # which holds nothing but the plugin


def obtain(docker: Docker, record: Path, to: Path, works: Callable[[], bool], say: OnLine) -> str:
    """Have the buildx plugin at `to` and return one line on how; `works` tells whether docker has it.

    Raises SetupFailed with what each way said if none works.
    """
    problems = []
    for package in packages.available(buildx.PACKAGES):
        with packages.recorded(record):
            problem = buildx.install_package(package, say)
        if not problem and works():
            return f"the package {package}"
        problems.append(f"package {package}: {problem or 'is no plugin of this docker command'}")
    began = time.monotonic()
    try:
        _from_image(docker, to)
        how = f"{IMAGE} pulled from {registries.HUB_SHOWN}"
    except (NotFound, DockerUnavailable) as error:
        problems.append(f"pulling {IMAGE}: {registries.reason(error.message)}")
        say(problems[-1])
        how = _build(to, say, problems)
    if not works():
        raise SetupFailed(
            "the docker command does not accept the buildx plugin",
            hint="docker buildx version",
            details=tuple(problems),
        )
    return f"{how} in {time.monotonic() - began:.0f} s"


def _build(to: Path, say: OnLine, problems: list[str]) -> str:
    try:
        buildx.build(to, say)
    except DeployhostError as error:
        details = (*problems, f"Go module: {error.message}", *error.details[-3:])
        raise SetupFailed("the buildx plugin can't be installed", hint=install_command(), details=details) from error
    return f"buildx {buildx.VERSION} built from its Go module"


def _from_image(docker: Docker, to: Path) -> None:
    if docker.image(IMAGE) is None:
        docker.pull(IMAGE, timeout=PULL_SILENCE, first=PULL_WAIT)
    try:
        extract_binary(docker, IMAGE, to, "/buildx", "buildx")
    finally:
        docker.remove_image(IMAGE)
