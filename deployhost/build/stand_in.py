"""Making stand-ins for base images on this server, where no image registry can be reached: mmdebstrap, npm's tarballs, docker import."""

import contextlib
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from deployhost.build import package_sources
from deployhost.build.debian import bootstrap
from deployhost.build.host_files import host_ca_bundle, host_npmrc
from deployhost.build.host_settings import npm_registry
from deployhost.build.overlay import Overlay
from deployhost.build.stand_in_plan import CA_BUNDLE, Account, StandInRecipe
from deployhost.errors import BaseImageUnavailable, DeployhostError, DownloadFailed
from deployhost.system import download, files
from deployhost.system.docker import Docker
from deployhost.system.docker_model import TABLE_LIMIT, ContainerSpec
from deployhost.system.process import run
from deployhost.system.stop import Stop, unless_stopped
from deployhost.system.tree import discard_tree

REPOSITORY = "deployhost/stand-in"  # each is kept under its key here, and tagged with every name it stands in for
LOCK_TIMEOUT = 1800.0
_NPM_METADATA = "application/vnd.npm.install-v1+json"
_ARCHITECTURES = {"amd64": "x64", "arm64": "arm64"}

Say = Callable[[str], None]


def kept_as(recipe: StandInRecipe) -> str:
    """Return the reference under which the stand-in of a recipe is kept."""
    return f"{REPOSITORY}:{recipe.key}"


class StandIns:
    """Makes stand-ins, each once; `work` is a directory for work in progress."""

    def __init__(self, docker: Docker, work: Path, environ: Mapping[str, str]) -> None:
        self._docker = docker
        self._work = work
        self._environ = environ

    def make(self, recipe: StandInRecipe, reference: str, say: Say, stop: Stop | None = None) -> None:
        """Have the image of a recipe under the name that it stands in for.

        Raises BaseImageUnavailable if it can't be made, CommandStopped once `stop` is set: it is then made all the same, for the
        next who wants it. Two that want the same one at once make it once; what a killed attempt left is cleared away first.
        """
        wished = stop or Stop()

        def told(line: str) -> None:
            if not wished.is_set():
                say(line)

        self._docker.tag(unless_stopped(lambda: self._have(recipe, told), wished), reference)

    def _have(self, recipe: StandInRecipe, say: Say) -> str:
        kept = kept_as(recipe)
        if self._docker.image(kept) is not None:
            return kept
        files.make_directory(self._work, 0o755)
        with files.lock(self._work / f"{recipe.key}.lock", timeout=LOCK_TIMEOUT):
            if self._docker.image(kept) is None:
                began = time.monotonic()
                say(f"making {recipe.what} from {recipe.made_of}, once on this server")
                with self._directory(recipe) as work, _explained(recipe, work):
                    self._make(recipe, kept, work, say)
                say(f"made {recipe.what} in {time.monotonic() - began:.0f} s")
        return kept

    def _make(self, recipe: StandInRecipe, kept: str, work: Path, say: Say) -> None:
        if recipe.base is not None:
            below = self._have(recipe.base, say)
        else:
            below = f"{REPOSITORY}:rootfs-{recipe.key}"
            if self._docker.image(below) is None:  # an attempt that failed later leaves it, whole
                rootfs = bootstrap(recipe, work, self._environ, say)
                self._docker.import_tar(str(rootfs), below)
                rootfs.unlink()
        self._lay_upon(recipe, below, kept, work)
        if recipe.base is None:
            self._docker.remove_image(below)

    def _lay_upon(self, recipe: StandInRecipe, below: str, kept: str, work: Path) -> None:
        """Put what the recipe adds upon an image, and keep the result."""
        name = f"deployhost-stand-in-{recipe.key}"
        self._docker.remove(name, force=True)
        container = self._docker.create(ContainerSpec(name=name, image=below, command=("true",)))
        try:
            tar = work / "overlay.tar"
            with Overlay(tar) as overlay:
                self._fill(recipe, overlay, container, work)
            with tar.open("rb") as content:
                self._docker.put_archive(container, "/", content)
            self._docker.commit(container, kept, recipe.changes)
        finally:
            self._docker.remove(container, force=True)

    def _fill(self, recipe: StandInRecipe, overlay: Overlay, container: str, work: Path) -> None:
        if recipe.node:
            self._add_node(recipe, overlay, work)
        for path, target in recipe.links.items():
            overlay.link(path, target)
        for path, text in recipe.files.items():
            overlay.file(path, text.encode(), 0o755 if text.startswith("#!") else 0o644)
        bundle = host_ca_bundle(self._environ)
        if bundle is not None:
            overlay.file(CA_BUNDLE.lstrip("/"), bundle.read_bytes(), 0o644)
        if recipe.account is not None:
            self._add_account(recipe.account, overlay, container)

    def _add_account(self, account: Account, overlay: Overlay, container: str) -> None:
        number = account.number
        lines = {
            "etc/passwd": f"{account.name}:x:{number}:{number}::{account.home}:{account.shell}\n",
            "etc/group": f"{account.name}:x:{number}:\n",
        }
        for path, line in lines.items():
            overlay.file(path, self._docker.read_file(container, f"/{path}", limit=TABLE_LIMIT) + line.encode(), 0o644)
        if account.home != "/nonexistent":
            overlay.directory(account.home.lstrip("/"), 0o755, owner=number)

    def _add_node(self, recipe: StandInRecipe, overlay: Overlay, work: Path) -> None:
        home = Path(self._environ.get("HOME", "/root"))
        registry = npm_registry(host_npmrc(self._environ, home, credentials=True))
        machine = _ARCHITECTURES.get(_architecture())
        if machine is None:
            raise DownloadFailed(f"npm has no node for {_architecture()}")
        wanted = "" if recipe.node == "latest" else recipe.node
        node = _npm_package(registry, f"node-linux-{machine}", wanted, work)
        _npm_package(registry, "npm", package_sources.npm_of(node), work)
        skipped = ("share/", "README.md", "CHANGELOG.md", "docs/", "man/")
        overlay.npm_tarball(work / f"node-linux-{machine}.tgz", "usr/local", skipped)
        overlay.npm_tarball(work / "npm.tgz", "usr/local/lib/node_modules/npm", ("docs/", "man/"))

    @contextlib.contextmanager
    def _directory(self, recipe: StandInRecipe) -> Iterator[Path]:
        """Yield an empty directory that is gone afterwards; what a killed attempt left in it is removed."""
        work = self._work / recipe.key
        discard_tree(work)
        files.make_directory(work, 0o755)
        try:
            yield work
        finally:
            discard_tree(work)


@contextlib.contextmanager
def _explained(recipe: StandInRecipe, work: Path) -> Iterator[None]:
    """Turn what can go wrong into the error that names the stand-in."""
    try:
        yield
    except BaseImageUnavailable:
        raise
    except (DeployhostError, OSError, tarfile.TarError) as error:
        said = error.message if isinstance(error, DeployhostError) else str(error)
        details = error.details if isinstance(error, DeployhostError) else ()
        full = any("no space left" in line.lower() for line in (said, *details))
        raise BaseImageUnavailable(
            f"{recipe.what} can't be made on this server: {'the disk is full' if full else said}",
            hint=f"df -h {work.parent}" if full else "",
            details=details,
        ) from error


def _architecture() -> str:
    return run(["dpkg", "--print-architecture"], timeout=10).stdout.strip()


def _npm_package(registry: str, name: str, wanted: str, work: Path) -> str:
    """Save the newest release of a package whose version begins with `wanted` as NAME.tgz; return the version."""
    metadata = download.get_json(f"{registry}{name}", accept=_NPM_METADATA)
    version = package_sources.newest(metadata, wanted)
    if not version:
        raise DownloadFailed(f"{registry} has no {name} {wanted}")
    dist = metadata["versions"][version]["dist"]
    download.to_file(str(dist["tarball"]), work / f"{name}.tgz", sha512=str(dist.get("integrity", "")))
    return version
