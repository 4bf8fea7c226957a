"""Running Kamal's own command on one app, for a person who sits at the terminal.

Commands that change the app run under our hold of Kamal's lock: they wait for a deploy of ours instead of failing, and
a lock that such a command leaves because it is killed is known as a dead process's.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployhost.errors import Conflict
from deployhost.kamal import command, installation, registry
from deployhost.kamal.lock import KamalLocks
from deployhost.model import AppName, Version
from deployhost.paths import Paths
from deployhost.system import files, process
from deployhost.system.tree import discard_tree

PATIENCE = 900.0  # seconds for whoever holds the app's lock
LEFT_AFTER = 86400.0  # seconds after which what a killed Kamal unpacked is nobody's


@dataclass(frozen=True)
class KamalContext:
    """Where Kamal's command runs: the app, its project's directory, the version, and variables of the person's terminal."""

    app: AppName
    directory: Path
    version: Version
    terminal: dict[str, str]


class KamalCli:
    """Runs Kamal's CLI with our own input and output. `say` is told what one waits for."""

    def __init__(self, paths: Paths, say: Callable[[str], None]) -> None:
        self._paths, self._say = paths, say
        self._locks = KamalLocks(paths.kamal)

    def run(self, context: KamalContext, arguments: Sequence[str]) -> int:
        """Run Kamal with arguments and return its exit code. Raises Conflict if the app's lock stays held."""

        def waiting(holder: str) -> None:
            self._say(f"waiting for Kamal's lock on {context.app}: {holder}")

        with contextlib.ExitStack() as stack:
            more = {**context.terminal, "VERSION": context.version}
            if command.locks(arguments):
                held = self._locks.held(context.app, context.version, patience=PATIENCE, waiting=waiting)
                stack.enter_context(held)
                more["KAMAL_LOCK"] = "true"
            if command.builds(arguments):
                stack.enter_context(registry.pushing(self._paths))
            more["TMPDIR"] = str(stack.enter_context(self._temporary()))
            return process.attached(
                [str(self._paths.kamal_program), *arguments],
                env=installation.environment(self._paths, more),
                cwd=context.directory,
            )

    @contextlib.contextmanager
    def building(self, app: AppName) -> Iterator[None]:
        """Wait for other commands that build the app, and hold them off until the block ends. Raises Conflict."""
        lock = self._paths.kamal_building(app)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(files.lock(lock, timeout=0))
            except Conflict:
                self._say(f"waiting for another Kamal command that builds {app}")
                stack.enter_context(files.lock(lock, timeout=PATIENCE))
            yield

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        """Yield a directory for what Kamal's program unpacks: it leaves that behind when it hands over to ssh, or is killed."""
        root = self._paths.kamal_temporary
        files.make_directory(root, 0o700)
        for left in root.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > LEFT_AFTER:
                    discard_tree(left)
        with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as name:
            yield Path(name)
