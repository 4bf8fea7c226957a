"""A Debian root file system from the distribution's packages, by mmdebstrap."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from deployhost.build import package_sources
from deployhost.build.stand_in_plan import StandInRecipe
from deployhost.errors import BaseImageUnavailable, CommandFailed, CommandMissing, CommandTimedOut
from deployhost.system.process import run

TIMEOUT = 900.0  # seconds
# Killed, mmdebstrap ran on for a while, and left /proc, /sys and /dev/shm mounted below its directory. In namespaces of its
# own all of it ends at once with whoever started it, and clearing the directory away can't reach into the host's.
_CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child", "--"),
)
PACKAGES = ("mmdebstrap", "debian-archive-keyring")

Say = Callable[[str], None]


def bootstrap(recipe: StandInRecipe, work: Path, environ: Mapping[str, str], say: Say) -> Path:
    """Return the tar of a recipe's root file system, made in an empty directory; `environ` has the proxies.

    mmdebstrap itself is installed if need be. Raises BaseImageUnavailable, CommandFailed with its last lines, CommandTimedOut.
    """
    _need_mmdebstrap(environ, say)
    target = work / "rootfs.tar"
    options = ["--variant=minbase", "--mode=root", "--format=tar", f"--include={','.join(recipe.packages)}"]
    argv = [*_CONTAINED, "mmdebstrap", *options]
    argv += [f"--dpkgopt={option}" for option in recipe.excluded]
    argv += ['--aptopt=Acquire::Languages "none"', '--aptopt=Acquire::Retries "3"', recipe.suite, str(target)]
    ours = package_sources.debian_mirrors(_apt_sources())
    said: tuple[str, ...] = ()
    for mirrors in dict.fromkeys((ours, (package_sources.DEBIAN, package_sources.SECURITY))):
        command = [*argv, *package_sources.sources(recipe.suite, *mirrors)]
        done = run(command, timeout=TIMEOUT, env={**environ, "TMPDIR": str(work)}, check=False)
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
