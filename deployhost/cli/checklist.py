"""Steps as a quiet checklist: one line each, with a mark and its seconds; on a terminal the step under way is shown too."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TextIO

from deployhost.control.terminal import plain
from deployhost.steps import Step

WORTH_SAYING = 0.95  # seconds; a quicker step needs no time behind it


@dataclass
class Checklist:
    """A recorder (steps.Recorder) that writes to a stream; `log` gets the same, for later."""

    stream: TextIO
    log: Callable[[str], None]
    live: bool = False
    quiet: bool = False
    _began: float = 0.0

    def started(self, step: Step) -> None:
        """Show that the step is under way."""
        self._began = monotonic()
        self.log(f"begin: {step.what} ({step.why})")
        if self.live and not self.quiet:
            self.stream.write(f"… {plain(step.what)}")
            self.stream.flush()

    def done(self, step: Step, said: str) -> None:
        """Tick the step off."""
        took = monotonic() - self._began
        words = [f"✓ {step.what}", said, f"{took:.0f} s" if took >= WORTH_SAYING else ""]
        self._end("  ".join(word for word in words if word), f"done: {step.what} {said} ({took:.2f} s)")

    def failed(self, step: Step, error: Exception) -> None:
        """Mark the step as failed; what went wrong is said by whoever catches it."""
        self._end(f"✗ {step.what}", f"failed: {step.what}: {error!r}")

    def tick(self, line: str) -> None:
        """Write one more line with a mark: something that is right already."""
        self._end(f"✓ {line}", line)

    def _end(self, line: str, logged: str) -> None:
        self.log(logged)
        if not self.quiet:
            self.stream.write(("\r\x1b[K" if self.live else "") + plain(line) + "\n")
            self.stream.flush()
