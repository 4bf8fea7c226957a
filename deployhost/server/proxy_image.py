"""kamal-proxy's image: here already, from a file, pulled, or made on this server from its Go module; and its program on the host."""

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from deployhost.build import registries
from deployhost.build.host_files import host_ca_bundle
from deployhost.build.overlay import Overlay
from deployhost.build.stand_in_plan import CA_BUNDLE
from deployhost.errors import CommandFailed, DeployhostError, DockerUnavailable, NotFound, SetupFailed
from deployhost.kamal import contract
from deployhost.kamal.contract import PROXY_IMAGE, PROXY_REPOSITORY, PROXY_TITLE_LABEL, PROXY_VERSION
from deployhost.server.go import Go
from deployhost.system import files
from deployhost.system.docker import Docker
from deployhost.system.docker_model import PROGRAM_LIMIT, ContainerSpec
from deployhost.system.process import OnLine
from deployhost.templates import templates_dir

LEAST_GO = (1, 25, 5)
PACKAGE = "github.com/basecamp/kamal-proxy/cmd/kamal-proxy"
PROGRAM = "/usr/local/bin/kamal-proxy"  # the same place in the official image
USER = 1001  # the official image's, whose Ubuntu base has a user 1000 already: both can use the same volume
PULL_WAIT = 8.0
PULL_SILENCE = 120.0
BUILD_TIMEOUT = 900.0
HINT = "deployhost setup --local --proxy-image FILE"

_CHANGES = (
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "USER kamal-proxy:kamal-proxy",
    'CMD ["kamal-proxy", "run"]',
    "EXPOSE 80 443",
    "LABEL {}={}".format(*PROXY_TITLE_LABEL),
)


def obtain(docker: Docker, *, file: Path | None, say: OnLine, environ: Mapping[str, str] | None = None) -> str:
    """Have the image, perhaps from a file made by `docker save`, and return one line on how.

    Raises SetupFailed if the file holds something else, or with what each way said if none works.
    """
    if docker.image(PROXY_IMAGE) is not None:
        return f"{PROXY_IMAGE} is here already"
    if file is not None:
        _load(docker, file)
        return f"{PROXY_IMAGE} loaded from {file}"
    problems = []
    began = time.monotonic()
    try:
        docker.pull(PROXY_IMAGE, timeout=PULL_SILENCE, first=PULL_WAIT)
        return f"{PROXY_IMAGE} pulled from {registries.HUB_SHOWN} in {time.monotonic() - began:.0f} s"
    except (NotFound, DockerUnavailable) as error:
        docker.ping()
        problems.append(f"pulling it from {registries.HUB_SHOWN}: {registries.reason(error.message)}")
        say(f"{PROXY_IMAGE} can't be pulled ({registries.reason(error.message)})")
    try:
        _build(docker, say, os.environ if environ is None else environ)
        return f"{PROXY_IMAGE} made on this server from its Go module in {time.monotonic() - began:.0f} s"
    except DeployhostError as error:
        problems += [f"building it from its Go module: {error.message}", *error.details[-5:]]
    raise SetupFailed(
        f"can't get the image {PROXY_IMAGE}",
        hint=HINT,
        details=(
            *problems,
            f"loading it from a file: none was given; `docker save --output FILE {PROXY_IMAGE}` makes one elsewhere",
        ),
    )


def extract_binary(docker: Docker, image: str, to: Path, path: str = PROGRAM, what: str = "proxy") -> None:
    """Copy the program in an image, kamal-proxy's by default, to a file on the host, whole or not at all.

    Raises NotFound if it has none.
    """
    name = f"deployhost-{what}-program"
    docker.remove(name, force=True)
    container = docker.create(ContainerSpec(name=name, image=image))
    try:
        program = docker.read_file(container, path, limit=PROGRAM_LIMIT)
    finally:
        docker.remove(container, force=True)
    files.make_directory(to.parent)
    files.write_atomically(to, program, 0o755)


def _load(docker: Docker, file: Path) -> None:
    if not file.is_file():
        raise SetupFailed(f"there is no file {file}", hint=f"ls -l {file.parent}")
    brought = docker.load(str(file))
    if PROXY_IMAGE not in brought:
        holds = f"holds {', '.join(brought)}" if brought else "holds no image with a name"
        raise SetupFailed(
            f"{file} {holds}, not {PROXY_IMAGE}",
            hint="deployhost setup --local",
            details=(f"where Docker has it, `docker save --output {file} {PROXY_IMAGE}` makes the file",),
        )


def _build(docker: Docker, say: OnLine, environ: Mapping[str, str]) -> None:
    """Build the program from its module, at the versions that go.sum pins, and make an image of it alone."""
    go = Go(LEAST_GO, environ)
    with tempfile.TemporaryDirectory(prefix="deployhost-kamal-proxy-") as name:
        work = Path(name)
        for part in ("go.mod", "go.sum"):
            shutil.copyfile(templates_dir() / "kamal-proxy" / part, work / part)
        say(f"fetching the Go modules of {PROXY_REPOSITORY} {PROXY_VERSION}")
        _quietly(go, ["mod", "download"], work)
        say("building kamal-proxy (about half a minute)")
        program = work / "kamal-proxy"
        _quietly(go, ["build", "-mod=readonly", "-trimpath", "-ldflags=-s -w", "-o", str(program), PACKAGE], work)
        _image(docker, program, work, environ)


def _quietly(go: Go, arguments: list[str], work: Path) -> None:
    try:
        go.run(arguments, cwd=work, timeout=BUILD_TIMEOUT)
    except CommandFailed as error:
        raise SetupFailed(f"go {arguments[0]} failed with exit code {error.status}", details=error.details) from error


def _image(docker: Docker, program: Path, work: Path, environ: Mapping[str, str]) -> None:
    tar = work / "image.tar"
    home = contract.PROXY_CONFIG_PATH.partition("/.config")[0].lstrip("/")
    with Overlay(tar) as overlay:
        overlay.directory("tmp", 0o1777)
        overlay.directory("etc", 0o755)
        overlay.file(
            "etc/passwd",
            f"root:x:0:0::/root:/sbin/nologin\nkamal-proxy:x:{USER}:{USER}::/{home}:/sbin/nologin\n".encode(),
            0o644,
        )
        overlay.file("etc/group", f"root:x:0:\nkamal-proxy:x:{USER}:\n".encode(), 0o644)
        for path in (home, f"{home}/.config", contract.PROXY_CONFIG_PATH.lstrip("/")):
            overlay.directory(path, 0o755, owner=USER)
        bundle = host_ca_bundle(environ)
        if bundle is not None:
            overlay.from_disk(CA_BUNDLE.lstrip("/"), bundle, 0o644)
        overlay.from_disk(PROGRAM.lstrip("/"), program, 0o755)
    docker.import_tar(str(tar), PROXY_IMAGE, _CHANGES)
