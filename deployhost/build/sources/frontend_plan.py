"""What a version of Docker's frontend for Dockerfiles can be trusted with: heredocs, and caches that are an app's own. Pure."""

import re
from collections.abc import Iterable, Mapping

from deployhost.build.registries import Reference
from deployhost.build.sources.text import Instruction, LineRefused

HEREDOCS_SINCE = 23  # the Docker engine whose own frontend knows them
# What the frontend says of itself since 1.2 (cmd/dockerfile-frontend/Dockerfile), and tags of 1.1.2 and later: the first version that
# keeps caches apart by BUILDKIT_CACHE_MOUNT_NS.
_CAPABILITIES = "moby.buildkit.frontend.caps"
_KEEPS_CACHES_APART = re.compile(r"experimental|1-experimental|1\.1(\.[2-7])?(-experimental)?")


def check_heredocs(instructions: Iterable[Instruction], syntax: Reference | None, version: str) -> None:
    """Raise LineRefused for a heredoc that the frontend, or without one the engine of this version, can't read."""
    line = next((one.line for one in instructions if one.heredocs), None)
    if line is None:
        return
    if syntax is None and major(version) < HEREDOCS_SINCE:
        raise LineRefused(
            line, f"a heredoc, which Docker {version} can't build: it takes Docker {HEREDOCS_SINCE} or later"
        )
    if syntax is not None and not knows_heredocs(syntax):
        raise LineRefused(line, f"a heredoc, which # syntax={syntax.familiar} may not know: name docker/dockerfile:1")


def check_caches(instructions: Iterable[Instruction], syntax: Reference, labels: Mapping[str, str]) -> None:
    """Raise LineRefused for a cache mount that a frontend, whose image has these labels, would share between apps."""
    if _CAPABILITIES in labels or (not syntax.digest and _KEEPS_CACHES_APART.fullmatch(syntax.tag)):
        return
    for one in instructions:
        text = " ".join((*one.flags, one.rest)).lower()
        if one.word in ("RUN", "ONBUILD") and "--mount" in text and "cache" in text:
            raise LineRefused(
                one.line, f"a cache, which # syntax={syntax.familiar} shares between apps: name docker/dockerfile:1"
            )


def knows_heredocs(reference: Reference) -> bool:
    """Return whether a version of Docker's frontend surely knows heredocs: 1.4 and later, by its tag."""
    tag, _, more = reference.tag.partition("-")
    numbers = tag.split(".")
    if reference.digest or more not in ("", "labs"):
        return False
    if tag in ("latest", "labs", "1"):
        return True
    return numbers[0] == "1" and len(numbers) > 1 and numbers[1].isdigit() and int(numbers[1]) >= 4


def major(version: str) -> int:
    """Return the first number of an engine's version, 0 where there is none."""
    number = version.partition(".")[0]
    return int(number) if number.isdigit() else 0
