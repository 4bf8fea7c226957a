"""A Debian root file system from the distribution's packages, by mmdebstrap."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from deployhost.build import package_sources
from deployhost.build.stand_in_plan import Recipe
from deployhost.errors import BaseImageUnavailable, CommandFailed, CommandMissing, CommandTimedOut
from deployhost.system.process import run

TIMEOUT = 900.0  # seconds
PACKAGES = ("mmdebstrap", "debian-archive-keyring")

Say = Callable[[str], None]


def bootstrap(recipe: Recipe, work: Path, environ: Mapping[str, str], say: Say) -> Path:
    """Given a recipe, an empty directory and the environment (proxies), return the tar of its root file system.

    mmdebstrap itself is installed if need be. Raise BaseImageUnavailable, CommandFailed with its last lines, CommandTimedOut.
    """
    _need_mmdebstrap(environ, say)
    target = work / "rootfs.tar"
    # It mounts /proc, /sys and /dev/shm below its directory, and left them mounted when killed: in a mount namespace of its
    # own they go with it, so that clearing the directory away can never reach into the host's.
    argv = [
        "unshare",
        "--mount",
        "--",
        "mmdebstrap",
        "--variant=minbase",
        "--mode=root",
        "--format=tar",
        f"--include={','.join(recipe.packages)}",
    ]
    argv += [f"--dpkgopt={option}" for option in recipe.excluded]
    argv += ['--aptopt=Acquire::Languages "none"', '--aptopt=Acquire::Retries "3"', recipe.suite, str(target)]
    ours = package_sources.debian_mirrors(_apt_sources())
    said: tuple[str, ...] = ()
    for mirrors in dict.fromkeys((ours, (package_sources.DEBIAN, package_sources.SECURITY))):
        command = [*argv, *package_sources.sources(recipe.suite, *mirrors)]
        done = run(command, timeout=TIMEOUT, env={**environ, "TMPDIR": str(work)}, check=False, dies_with_us=True)
        if done.code == 0:
            return target
        said = tuple(line for line in done.stderr.splitlines() if line.strip())[-20:]
    raise CommandFailed("mmdebstrap failed", status=1, details=said)


def _need_mmdebstrap(environ: Mapping[str, str], say: Say) -> None:
    if shutil.which("mmdebstrap", path=environ.get("PATH")) and Path(package_sources.KEYRING).is_file():
        return
    say(f"installing {' and '.join(PACKAGES)} with apt-get")
    quiet = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends", *PACKAGES]
    try:
        if run(install, timeout=TIMEOUT, env=quiet, check=False).code != 0:
            run(["apt-get", "update"], timeout=TIMEOUT, env=quiet, check=False)
            run(install, timeout=TIMEOUT, env=quiet)
    except (CommandFailed, CommandMissing, CommandTimedOut) as error:
        raise BaseImageUnavailable(
            f"{' and '.join(PACKAGES)} can't be installed: {error.message}",
            hint=f"apt-get install {' '.join(PACKAGES)}",
            details=error.details,
        ) from error


def _apt_sources() -> list[str]:
    etc = Path("/etc/apt")
    parts = sorted([*etc.glob("sources.list.d/*.list"), *etc.glob("sources.list.d/*.sources")])
    found = (path for path in (etc / "sources.list", *parts) if path.is_file())
    return [path.read_text(encoding="utf-8", errors="replace") for path in found]
