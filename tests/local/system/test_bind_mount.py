"""A directory bound to itself, in mount namespaces of their own: what a setuid program there can do before and after."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployhost.system import bind_mount

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes mounts and setuid programs")


def alone(code: str, directory: Path) -> str:
    """Run Python code in a mount namespace of its own, with `bind_mount` and `directory`, and return what it writes."""
    lines = f"from pathlib import Path\nimport os, subprocess\nfrom deployhost.system import bind_mount\ndirectory = Path({str(directory)!r})\n{code}"
    ran = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", lines], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """Return a storage in which a container's root has left a setuid program, and which a local account can reach."""
    storage = tmp_path / "storage"
    app = storage / "shop"
    app.mkdir(parents=True)
    shutil.copy("/usr/bin/id", app / "id")
    (app / "id").chmod(0o4755)
    for above in (storage, *storage.parents):
        if above.is_relative_to(tmp_path.parents[1]):
            above.chmod(0o755)
    return storage


RUN = f"""
argv = ["setpriv", "--reuid={NOBODY}", "--clear-groups", str(directory / "shop/id"), "-u"]
print(subprocess.run(argv, capture_output=True, text=True).stdout.strip())
"""


def test_a_setuid_program_runs_as_root_without_it(storage: Path) -> None:
    assert alone(RUN, storage).split() == ["0"]


def test_a_setuid_program_has_no_power(storage: Path) -> None:
    code = f"""
bind_mount.bind(directory)
{RUN}
os.mknod(directory / "shop/null", 0o666 | 0o020000, os.makedev(1, 3))
try:
    open(directory / "shop/null")
except PermissionError:
    print("no devices")
(directory / "shop").rename(directory / "away")
bind_mount.bind(directory)
print(bind_mount.is_bound(directory), bind_mount.is_mounted(directory))
bind_mount.unbind(directory)
print(bind_mount.is_bound(directory), bind_mount.is_mounted(directory))
"""
    assert alone(code, storage).splitlines() == [str(NOBODY), "no devices", "True True", "False False"]


def test_other_flags_are_kept_and_a_disk_of_its_own_stays(storage: Path) -> None:
    code = """
subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec,noatime", "tmpfs", str(directory)], check=True)
bind_mount.bind(directory)
flags = os.statvfs(directory).f_flag
print([bool(flags & one) for one in (os.ST_NOSUID, os.ST_NODEV, os.ST_NOEXEC, os.ST_NOATIME)])
bind_mount.unbind(directory)
bind_mount.unbind(directory)
print(os.path.ismount(directory), bind_mount.is_bound(directory))
"""
    assert alone(code, storage).splitlines() == ["[True, True, True, True]", "True False"]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert not bind_mount.is_bound(tmp_path / "none")
    assert bind_mount.main(["", str(tmp_path / "none")]) == 0


def test_the_program_of_the_unit(storage: Path) -> None:
    module = (
        f"subprocess.run([{sys.executable!r}, '-I', '-m', 'deployhost.system.bind_mount', str(directory)], check=True)"
    )
    assert alone(f"{module}\n{RUN}", storage).split() == [str(NOBODY)]


def test_what_a_process_has_mounted(storage: Path) -> None:
    code = """
print(bind_mount.lacks_flags(os.getpid(), str(directory)))
subprocess.run(["mount", "--bind", str(directory), str(directory)], check=True)
print(bind_mount.lacks_flags(os.getpid(), str(directory)))
bind_mount.bind(directory)
print(bind_mount.lacks_flags(os.getpid(), str(directory)), bind_mount.lacks_flags(0, "/"))
"""
    assert alone(code, storage).splitlines() == ["False", "True", "False False"]
