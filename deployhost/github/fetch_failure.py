"""What it means that git could not fetch, by what it wrote. Pure.

The words are git's and libcurl's (git 2.39: remote-curl.c, http.c, fetch-pack.c), in English, since git runs with LC_ALL=C.UTF-8.
"""

import re
from collections.abc import Mapping
from enum import Enum

from deployhost.errors import AccessRefused, DeployhostError, DiskFull, FetchFailed, NotFound, ProviderUnavailable


class FetchTrouble(Enum):
    """Why git could not fetch."""

    REFUSED = "refused"  # the token is not taken, or not any more
    MOVED = "moved"  # there is no such repository, or another name leads to it
    NO_SUCH_REF = "no such ref"
    AWAY = "away"
    DISK_FULL = "disk full"
    TOO_LARGE = "too large"
    OTHER = "other"


_SIGNS: Mapping[FetchTrouble, re.Pattern[str]] = {
    FetchTrouble.DISK_FULL: re.compile("No space left on device|Disk quota exceeded"),
    FetchTrouble.TOO_LARGE: re.compile("File too large|died of signal 25"),
    FetchTrouble.REFUSED: re.compile("Authentication failed|could not read Username|returned error: 40[13]"),
    FetchTrouble.MOVED: re.compile("(?i)repository .*not found|returned error: (?:30[1278]|404)|unable to update url base"),
    FetchTrouble.NO_SUCH_REF: re.compile("couldn't find remote ref|not our ref|did not send all necessary|unadvertised object"),
    FetchTrouble.AWAY: re.compile(
        "(?i)returned error: (?:408|429|5..)|could not resolve|failed to connect|couldn't connect|timed out|timeout|too slow"
        "|rpc failed|early eof|hung up|empty reply|connection (?:reset|refused|closed)|gnutls|ssl|tls|certificate"
    ),
}  # fmt: skip


def failure(error: DeployhostError) -> FetchTrouble:
    """Return why git could not fetch."""
    text = "\n".join((error.message, *error.details))
    return next((one for one, sign in _SIGNS.items() if sign.search(text)), FetchTrouble.OTHER)


def explained(error: DeployhostError, what: str, where: str) -> DeployhostError:
    """Return the error for people: `what` was to be fetched `where`, as in "main", "acme/shop"."""
    said = tuple(error.details[-3:]) or (error.message,)
    cant = f"{what} can't be fetched from {where}"
    known: dict[FetchTrouble, DeployhostError] = {
        FetchTrouble.NO_SUCH_REF: NotFound(f"{where} has no branch, tag or commit {what}"),
        FetchTrouble.AWAY: ProviderUnavailable(f"{cant}: GitHub does not answer", details=said),
        FetchTrouble.DISK_FULL: DiskFull(f"{cant}: the disk is full", hint="deployhost prune"),
        FetchTrouble.TOO_LARGE: FetchFailed(
            f"{cant}: it is larger than 4 GB, or than half of what is free on the disk"
        ),
        FetchTrouble.REFUSED: AccessRefused(f"{cant}: GitHub does not accept the App's token", details=said),
        FetchTrouble.MOVED: NotFound(f"{what} can't be fetched: there is no {where}, or the App does not see it"),
    }
    return known.get(failure(error)) or FetchFailed(cant, details=said)
