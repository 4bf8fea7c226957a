"""Cloudflare's SDK, which a server has once it is connected: installing it always would double the time that installing us takes."""

import contextlib
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import deployhost
from deployhost.errors import CommandFailed, CommandTimedOut, ProviderUnavailable
from deployhost.paths import Paths
from deployhost.steps import Plan, Recorder, Step, apply
from deployhost.system import files
from deployhost.system.process import OnLine, run
from deployhost.system.tree import discard_tree

REQUIREMENT = "cloudflare>=5.9,<6"  # as pyproject.toml has it
# One for each Python and requirement: what was compiled for another Python is no use.
NAME = f"{sys.implementation.cache_tag}-{hashlib.sha256(REQUIREMENT.encode()).hexdigest()[:8]}"
DOWNLOAD_TIMEOUT = 600.0  # seconds
TRIAL_TIMEOUT = 120.0
SETUP = "deployhost setup"


class ObtainSdk(Step):
    """Have Cloudflare's SDK."""


class CloudflareSdk:
    """The SDK, in a directory of its own that outlives upgrades. `log` gets each line that a program writes."""

    def __init__(self, paths: Paths, log: OnLine = lambda _line: None) -> None:
        self._directory, self._log = paths.cloudflare_sdk, log
        self._borrowed: Path | None = None

    def library(self) -> Path | None:
        """Return the directory to import it from, or None if our own environment has it. Raise ProviderUnavailable if it is missing."""
        if not self._is_here():
            raise ProviderUnavailable("Cloudflare's SDK is not installed", hint=SETUP)
        return None if _in_our_environment() else self._borrowed or self._directory / NAME

    @contextlib.contextmanager
    def ready(self, recorder: Recorder, *, dry_run: bool) -> Iterator[tuple[Step, ...]]:
        """Have it, and yield the steps that takes; on a dry run it is gone at the end. The caller holds the lock of set-up.

        Raise ProviderUnavailable if it can't be had.
        """
        if self._is_here():
            yield ()
            return
        step = ObtainSdk(what="get Cloudflare's SDK", why="Cloudflare is asked with it")
        if not dry_run:
            apply(Plan((step,)), {ObtainSdk: lambda _step: self.obtain()}, recorder)
            yield (step,)
            return
        # Not in /tmp, from which nothing may be run on some servers.
        beside = self._directory.parent
        with tempfile.TemporaryDirectory(prefix="cloudflare-sdk-", dir=beside if beside.is_dir() else None) as name:
            self._install(Path(name))
            self._borrowed = Path(name)
            try:
                yield (step,)
            finally:
                self._borrowed = None

    def obtain(self) -> None:
        """Have it in its place, whole or not at all, and none for another Python. Raise ProviderUnavailable, FileProblem."""
        files.make_directory(self._directory, 0o755)
        made = Path(tempfile.mkdtemp(prefix="making-", dir=self._directory))
        try:
            self._install(made)
            made.chmod(0o755)
            os.sync()  # thousands of files: after a power cut, what has its name is whole
            discard_tree(self._directory / NAME)
            made.rename(self._directory / NAME)
        except OSError as error:
            raise files.problem("write", made, error) from error
        finally:
            for other in self._directory.iterdir():
                if other.name != NAME:
                    discard_tree(other)

    def _is_here(self) -> bool:
        return _in_our_environment() or self._borrowed is not None or (self._directory / NAME).is_dir()

    def _install(self, to: Path) -> None:
        argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-input", "--no-compile"]
        options = ["--only-binary", ":all:", "--progress-bar", "off", "--target", str(to)]
        try:
            run([*argv, *options, REQUIREMENT], timeout=DOWNLOAD_TIMEOUT, on_line=self._log, dies_with_us=True)
            # It compiles what is used of it, so that the first question does not wait for that.
            run(python(to, "trial"), timeout=TRIAL_TIMEOUT, on_line=self._log, dies_with_us=True)
        except (CommandFailed, CommandTimedOut) as error:
            raise ProviderUnavailable(
                "Cloudflare's SDK can't be downloaded from PyPI", hint=SETUP, details=error.details
            ) from error


def delete(paths: Paths) -> None:
    """Delete what was brought, if anything was."""
    discard_tree(paths.cloudflare_sdk)


def python(library: Path | None, function: str) -> list[str]:
    """Return what runs a function of edge/cloudflare.py: this very Python with the SDK, which comes after what is ours."""
    package = Path(deployhost.__file__).resolve().parent.parent
    more = [str(package), *([str(library)] if library is not None else [])]
    code = f"import sys; sys.path += {more!r}; from deployhost.edge.cloudflare import {function}; {function}()"
    return [sys.executable, "-I", "-X", "utf8", "-c", code]


def _in_our_environment() -> bool:
    return importlib.util.find_spec("cloudflare") is not None
