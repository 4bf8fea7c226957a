"""The machine's own Go, for the two programs that can be built from their modules where nothing else supplies them."""

import os
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployhost.errors import CommandMissing
from deployhost.system.process import Completed, OnLine, run

USUAL = "/usr/local/go/bin/go"
RELEASE = "1.25.5"  # new enough for both; unpacked where `USUAL` is
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_VERSION = re.compile(r"go(\d+(?:\.\d+)*)")


def install_command() -> str:
    """Return the command that installs a Go that is new enough, or "" for a machine that Go has no release for."""
    architecture = _ARCHITECTURES.get(platform.machine())
    url = f"https://go.dev/dl/go{RELEASE}.linux-{architecture}.tar.gz"
    return f"curl -fsSL {url} | tar -xz -C /usr/local" if architecture else ""


class Go:
    """The go command, of the version `least` or later. Raises CommandMissing if there is none, or only an older one."""

    def __init__(self, least: tuple[int, ...], environ: Mapping[str, str] | None = None) -> None:
        given = dict(os.environ if environ is None else environ)
        # No other toolchain is fetched behind one's back, and no setting of the host's own projects gets in the way.
        self._environ = {**given, "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off", "CGO_ENABLED": "0"}
        self._environ.setdefault("HOME", "/root")
        found = shutil.which("go", path=given.get("PATH")) or (USUAL if os.access(USUAL, os.X_OK) else None)
        wanted = ".".join(map(str, least))
        if found is None:
            raise CommandMissing(f"Go {wanted} or later is not installed", hint=install_command())
        self._go = found
        version = self._version()
        if version < least:
            shown = ".".join(map(str, version)) or "of an unknown version"
            raise CommandMissing(f"{found} is Go {shown}, and {wanted} or later is needed", hint=install_command())

    def run(
        self,
        arguments: Sequence[str],
        *,
        timeout: float,
        on_line: OnLine | None = None,
        cwd: Path | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run go with arguments. Raises CommandFailed, CommandTimedOut."""
        return run(
            [self._go, *arguments],
            timeout=timeout,
            env={**self._environ, **(more or {})},
            cwd=cwd,
            on_line=on_line,
            dies_with_us=True,
        )

    def _version(self) -> tuple[int, ...]:
        said = run([self._go, "env", "GOVERSION"], timeout=20, env=self._environ, check=False).stdout
        match = _VERSION.match(said.strip())
        return tuple(map(int, match[1].split("."))) if match else ()
