"""git over HTTPS from a repository elsewhere: a branch, a tag or a commit, fetched without its history, with a token that only git sees."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.errors import CommandFailed, CommandTimedOut, NotFound
from deployhost.model import Secret, Sha
from deployhost.system import files, machine
from deployhost.system.git import ENVIRONMENT, FRUGAL, BareRepository, memory_limit
from deployhost.system.process import Completed, run

WITHIN = 300.0  # seconds for a fetch
ANSWER = 30.0  # seconds for a list of references
SLOWEST = (
    1000,
    20,
)  # bytes a second, and for how many seconds a transfer may be slower (git-config(1), http.lowSpeedLimit)
LARGEST = 4 * 1024**3  # bytes of a file that a fetch may write, and never more than half of what is free
# What says how this machine reaches the internet (curl(1)), and whom it trusts.
PROXIES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@dataclass(frozen=True)
class Remote:
    """A repository elsewhere: its URL, and the value of the Authorization header that it asks for."""

    url: str
    authorization: Secret


@dataclass(frozen=True)
class GitFetcher:
    """Fetches from repositories elsewhere. `environ` says how this machine reaches the internet.

    The token is in a memory file that git and git-remote-https inherit: in no argument, environment or file.
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def references(self, remote: Remote, *names: str) -> dict[str, Sha]:
        """Return what these full references name there, by name; a tag by the commit it names. Raises CommandFailed, CommandTimedOut."""
        peeled = [f"{name}^{{}}" for name in names]
        done = self._git(remote, ["ls-remote", "--quiet", "--", remote.url, *names, *peeled], ANSWER)
        found: dict[str, str] = {}
        for line in done.stdout.splitlines():
            sha, _, name = line.partition("\t")
            found[name] = sha
        tips = {name: found.get(f"{name}^{{}}", found.get(name)) for name in names}
        return {name: Sha(tip) for name, tip in tips.items() if tip is not None}

    def fetch(self, repository: BareRepository, remote: Remote, what: str, into: str) -> Sha:
        """Fetch a full reference or a commit without its history, point a reference of ours at it, and return the commit.

        Ours begin with refs/deployhost/. One fetch at a time into a repository. Raises CommandFailed, CommandTimedOut, NotFound if it is no commit.
        """
        _clear(repository.path)
        options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1", "--force"]
        try:
            where = [f"--git-dir={repository.path}", "-c", "gc.auto=0", "-c", "maintenance.auto=false"]
            largest = min(LARGEST, shutil.disk_usage(repository.path).free // 2)
            self._git(remote, [*where, "fetch", *options, "--", remote.url, f"+{what}:{into}"], WITHIN, largest)
        except (CommandFailed, CommandTimedOut):
            _sweep(repository.path)
            raise
        sha = _branch_head(repository.path, what, into) or repository.resolve(into)
        if sha is None:
            raise NotFound(f"{what} is not a commit")
        return sha

    def _git(self, remote: Remote, arguments: list[str], timeout: float, largest: int = LARGEST) -> Completed:
        with _memory_file(configuration(remote)) as descriptor:
            env = {**ENVIRONMENT, **self._outwards(), "GIT_CONFIG_GLOBAL": f"/proc/self/fd/{descriptor}"}
            argv = ["prlimit", "--core=0", f"--fsize={largest}", "git", *FRUGAL, *arguments]
            memory = memory_limit(machine.memory())
            return run(argv, env=env, timeout=timeout, pass_fds=(descriptor,), dies_with_us=True, memory=memory)

    def _outwards(self) -> dict[str, str]:
        found = {name: self.environ[name] for name in PROXIES if self.environ.get(name)}
        authorities = self.environ.get("SSL_CERT_FILE")
        return found if not authorities else {**found, "GIT_SSL_CAINFO": authorities}


def configuration(remote: Remote) -> str:
    """Return git's configuration for a remote: its token, no redirects, no protocol but HTTPS, nothing that runs a program."""
    bytes_a_second, seconds = SLOWEST
    url = remote.url.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'[http "{url}"]\n\textraHeader = "Authorization: {remote.authorization.reveal()}"\n'
        f"[http]\n\tfollowRedirects = false\n\tlowSpeedLimit = {bytes_a_second}\n\tlowSpeedTime = {seconds}\n"
        '[protocol]\n\tversion = 2\n\tallow = never\n[protocol "https"]\n\tallow = always\n'
        "[credential]\n\thelper =\n[core]\n\tfsmonitor = false\n\thooksPath = /dev/null\n"
    )


@contextlib.contextmanager
def _memory_file(text: str) -> Iterator[int]:
    """Yield the descriptor of a file without a name that holds a text."""
    descriptor = os.memfd_create("git-config", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _branch_head(repository: Path, what: str, into: str) -> Sha | None:
    """Return what was fetched if it is a branch's head and git keeps references as files: every push waits for this."""
    text = (files.read(repository / into) or b"").decode("ascii", "replace").strip()
    return Sha(text) if what.startswith("refs/heads/") and Sha.pattern.fullmatch(text) else None


def _clear(repository: Path) -> None:
    """Delete what a fetch of ours which was killed has left: locks, and packs as far as they came. Nobody else fetches into this repository."""
    ours, packs = repository / "refs" / "deployhost", repository / "objects" / "pack"
    left = (*ours.glob("*.lock"), *ours.glob("*/*.lock"), *packs.glob("tmp_*"))
    for path in (repository / "shallow.lock", *left):
        with contextlib.suppress(OSError):
            path.unlink()


def _sweep(repository: Path) -> None:
    """Delete what a fetch that broke off has left."""
    for path in (repository / "objects").glob("*/tmp_*"):
        with contextlib.suppress(OSError):
            path.unlink()
