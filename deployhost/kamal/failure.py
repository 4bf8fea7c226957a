"""Why Kamal's CLI failed, from what it wrote. Pure.

Its last words are `ERROR (SSHKit::Runner::ExecuteError): Exception while executing on host 127.0.0.1: docker exit status: 1`,
then what the command wrote, each stream after its own label (sshkit, lib/sshkit/command.rb).
"""

import re
from collections.abc import Sequence

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = re.compile(r"^\s*ERROR \(([\w:]+)\): (.*)$")
_STREAM = re.compile(r"^\S+ std(?:out|err): ")
_EXECUTING = re.compile(r"Exception while executing (?:as \S+ )?on host \S+: ")
_LOG = re.compile(r"^\s*(?:DEBUG|INFO|WARN|ERROR|FATAL)\s+(?:\[[0-9a-f]{8}\]\s*)?")
_WELL = re.compile(
    r"Finished in [\d.]+ seconds with exit status 0 \(successful\)\.|Uploading \S+ [\d.]+%|fatal: not a git repository"
)
LONGEST = 110  # characters of a command that are shown
UNHEALTHY = "target failed to become healthy within configured timeout"


def shown(line: str) -> str:
    """Return what a person who follows Kamal wants of a line it wrote: "" where it only says that all is well."""
    text = _LOG.sub("", _COLOURS.sub("", line), count=1).strip()
    if _WELL.match(text):
        return ""
    # Whole commands are for `kamal -v`: their beginning tells what is done.
    return text if len(text) <= LONGEST or not text.startswith("Running ") else f"{text[:LONGEST]}…"


def cause(lines: Sequence[str]) -> str:
    """Return the cause of Kamal's failure, as it wrote it, in one line, or "" if it names none."""
    clean = [_COLOURS.sub("", line) for line in lines]
    found = [(number, match) for number, line in enumerate(clean) if (match := _ERROR.match(line))]
    if not found:
        return next((line.strip() for line in reversed(clean) if line.strip()), "")
    number, match = found[-1]
    said = [_EXECUTING.sub("", match[2])]
    rest = clean[number + 1 :]
    said += [_STREAM.sub("", line.strip()) for line in rest if line.strip() and not _LOG.match(line)]
    # A command's own words say more than its exit status; of its streams, errors come last.
    words = [one for one in said if one and not re.search(r"exit status: \d+$", one) and "Nothing written" not in one]
    return (words[-1] if words else said[0]).removeprefix("Error: ")


def is_unhealthy(lines: Sequence[str]) -> bool:
    """Return whether Kamal wrote that kamal-proxy's check of the new container was never answered with 2xx."""
    return any(UNHEALTHY in line for line in lines)
