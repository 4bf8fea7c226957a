"""The distribution's packages, by apt: what is installed, and installing more with a record of what that added."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployhost.errors import CommandFailed, CommandMissing, CommandTimedOut, SetupFailed
from deployhost.system import files, json_file, process

APT_TIMEOUT = 900.0
LOCK_WAIT = 180  # seconds: a fresh server's unattended-upgrades holds the lock for a while
_ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "NEEDRESTART_SUSPEND": "1",  # Ubuntu's needrestart would ask, or restart services of others
}
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")


@dataclass(frozen=True)
class InstallRecord:
    """What set-up installed on this machine, so that it can be named and removed: packages, files, users; `interrupted` half way."""

    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    interrupted: bool = False


def read_record(path: Path) -> InstallRecord:
    """Return what the record says; a missing one is empty."""
    content = json_file.read_json(path)
    lists = {key: tuple(content.get(key, ())) for key in ("packages", "files", "users")}
    return InstallRecord(**lists, interrupted="before" in content)


def note_file(path: Path, made: Path) -> None:
    """Note in the record that a file of the system that we are about to make is ours."""
    _note(path, "files", str(made))


def note_user(path: Path, made: str) -> None:
    """Note in the record that a user of the system that we are about to make is ours."""
    _note(path, "users", made)


def forget(path: Path, *names: str) -> None:
    """Note in the record that packages, files and users of these names are gone."""
    content = json_file.read_json(path)
    for key in ("packages", "files", "users"):
        content[key] = [one for one in content.get(key, ()) if one not in names]
    _write(path, content)


def _note(path: Path, key: str, made: str) -> None:
    content = json_file.read_json(path)
    content[key] = sorted({*content.get(key, ()), made})
    _write(path, content)


def installed() -> frozenset[str]:
    """Return the names of the packages that are installed; none where there is no dpkg."""
    with contextlib.suppress(CommandMissing, CommandFailed, CommandTimedOut):
        shown = process.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"], timeout=30)
        rows = (line.split() for line in shown.stdout.splitlines())
        return frozenset(row[0] for row in rows if len(row) == 2 and row[1] == "installed")
    return frozenset()


@contextlib.contextmanager
def recorded(path: Path) -> Iterator[None]:
    """Note in the record the packages that are added until the block ends, by an error too; a kill leaves it open."""
    content = json_file.read_json(path)
    content.setdefault("before", sorted(installed()))
    _write(path, content)
    try:
        yield
    except Exception:
        _close(path, content)
        raise
    _close(path, content)


def install(packages: Iterable[str], optional: Iterable[str], record: Path, on_line: Callable[[str], None]) -> int:
    """Install packages, and the optional ones that apt has, without recommended ones.

    What is added is noted in the record, and its number returned. Raises SetupFailed with apt's last lines.
    """
    count = len(installed())
    wanted = list(packages)
    with recorded(record):
        # What an interrupted run left half done is finished first; apt refuses to work otherwise.
        with contextlib.suppress(CommandFailed, CommandTimedOut):
            process.run(["dpkg", "--configure", "-a"], env=_environment(), timeout=APT_TIMEOUT, on_line=on_line)
        # A repository that does not answer must not stop us: what is needed may well come from the others.
        updated = _apt("update", on_line=on_line)
        done = _apt("install", *wanted, *available(optional), on_line=on_line)
        if done.code != 0:
            # `update` ends with 0 though it fetched nothing; what it says then is the cause.
            said = updated.stderr + (done.stderr or done.stdout)
            lines = [line for line in said.splitlines() if line.strip()]
            raise SetupFailed(
                f"apt-get can't install {', '.join(wanted)}", hint="apt-get update", details=tuple(lines[-12:])
            )
    return len(installed()) - count


def remove(packages: Iterable[str], record: Path, on_line: Callable[[str], None]) -> None:
    """Remove packages with their settings, and nothing else, and forget them in the record. Raises SetupFailed with apt's last lines."""
    names = list(packages)
    known = installed()
    there = [name for name in names if name in known]  # apt refuses those that it does not know any more
    done = _apt("purge", *there, on_line=on_line) if there else None
    if done is not None and done.code != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        again = f"apt-get purge {' '.join(there)}"
        raise SetupFailed(f"apt-get can't remove {', '.join(there)}", hint=again, details=tuple(lines[-12:]))
    forget(record, *names)


def available(packages: Iterable[str]) -> list[str]:
    """Return those of the packages that apt could install."""
    names = list(packages)
    if not names:
        return []
    shown = process.run(["apt-cache", "policy", *names], env=_environment(), timeout=60, check=False).stdout
    found, name = [], ""
    for line in shown.splitlines():
        if line and not line[0].isspace():
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            found.append(name)
    return found


def _apt(*arguments: str, on_line: Callable[[str], None]) -> process.Completed:
    options = ["-y", "--no-install-recommends", "-o", f"DPkg::Lock::Timeout={LOCK_WAIT}", "-o", "Dpkg::Use-Pty=0"]
    keep = ["-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Options::=--force-confdef"]
    return process.run(
        ["apt-get", *options, *keep, *arguments], env=_environment(), timeout=APT_TIMEOUT, on_line=on_line, check=False
    )


def _environment() -> dict[str, str]:
    # apt itself reads these; a server behind a proxy has nothing without them.
    proxies = {name: value for name, value in os.environ.items() if name.lower() in _PROXIES}
    return {**_ENVIRONMENT, **proxies}


def _close(path: Path, content: dict[str, Any]) -> None:
    added = installed() - set(content.pop("before"))
    content["packages"] = sorted({*content.get("packages", ()), *added})
    _write(path, content)


def _write(path: Path, content: dict[str, Any]) -> None:
    files.make_directory(path.parent)
    json_file.write_json(path, content)
