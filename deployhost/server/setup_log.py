"""The log of set-up: every line that its programs write, with its time."""

import time
from pathlib import Path

from deployhost.system import files

LIMIT = 5 * 1024 * 1024  # bytes; then the next run begins it anew


class SetupLog:
    """Set-up's log, to which lines are appended. Raises FileProblem if it can't be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            begin_anew = path.exists() and path.stat().st_size > LIMIT
            self._file = path.open("w" if begin_anew else "a", encoding="utf-8", errors="backslashreplace", buffering=1)
        except OSError as error:
            raise files.problem("write", path, error) from error

    def line(self, text: str) -> None:
        """Append one line."""
        self._file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()
