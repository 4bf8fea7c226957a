"""One run of Kamal's CLI for a deploy: its output told line by line, ended when the deploy is cancelled or takes too long."""

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deployhost.containers.attempt import Attempt
from deployhost.errors import CommandTimedOut, DeployFailed
from deployhost.kamal import failure, installation
from deployhost.kamal.project import Project
from deployhost.model import Version
from deployhost.paths import Paths
from deployhost.system import files
from deployhost.system.process import run
from deployhost.system.stop import Stop

KEPT = 400  # lines of Kamal's output in which the cause of a failure is looked for


@dataclass(frozen=True)
class KamalProgram:
    """Kamal's CLI on this server. It runs in an app's project, whose lock is ours: Kamal is told that it holds it."""

    paths: Paths

    def installed(self) -> bool:
        """Return whether set-up has brought it."""
        return installation.installed(self.paths)

    def bring(self, on_line: Callable[[str], None]) -> None:
        """Have set-up bring it, and what it needs. Raise KamalUnavailable."""
        installation.bring(self.paths, on_line)

    def check(self, ssh_port: int) -> None:
        """Return if all that it needs is there and answers. Raise KamalUnavailable."""
        installation.check(self.paths, ssh_port)

    def run(
        self,
        attempt: Attempt,
        project: Project,
        command: Sequence[str],
        *,
        timeout: float,
        version: Version | None = None,
        stop: Stop | None = None,
        look: Callable[[], None] = lambda: None,
    ) -> tuple[int, list[str]]:
        """Run it to its end and return its exit code and what it wrote; `timeout` is in seconds.

        `version` is the attempt's own if it is None; `look` is called after each line. Raise CommandStopped once `stop` is
        set, DeployFailed if it takes too long, CommandMissing.
        """
        lines: list[str] = []
        lock = threading.Lock()

        def line(text: str) -> None:
            with lock:  # its two streams are read by a thread each
                lines.append(text)
                del lines[:-KEPT]
                if shown := failure.shown(text):
                    attempt.progress.output(shown)
                look()

        files.make_directory(self.paths.kamal_temporary, 0o700)
        # Kamal's program unpacks parts of itself, and leaves them behind when it is killed.
        with tempfile.TemporaryDirectory(dir=self.paths.kamal_temporary, ignore_cleanup_errors=True) as temporary:
            more = {"VERSION": version or attempt.version, "KAMAL_LOCK": "true", "TMPDIR": temporary}
            try:
                ended = run(
                    [str(self.paths.kamal_program), *command],
                    cwd=project.directory,
                    env=installation.environment(self.paths, more),
                    timeout=timeout,
                    on_line=line,
                    check=False,
                    dies_with_us=True,
                    stop=stop,
                )
            except CommandTimedOut as error:
                raise DeployFailed(f"Kamal did not end within {timeout:g} s", details=error.details) from error
        look()
        return ended.code, lines
