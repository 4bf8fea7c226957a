"""Which release a rollback goes back to. Pure: the releases, and whether their images are there, are passed in."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployhost.errors import Conflict, NotFound
from deployhost.model import AppName, Release, Version

SHORTEST = 4  # digits of a sha, as git has it


@dataclass(frozen=True)
class RollbackCandidate:
    """A release, whether its image is still there, and the older release that it runs again, if it is such a one."""

    release: Release
    has_image: bool
    origin: Version | None = None


def choose(app: AppName, candidates: Sequence[RollbackCandidate], wanted: str | None) -> RollbackCandidate:
    """Return the release to go back to, of an app's releases, newest first; `wanted` is what the person named, if anything.

    Raise NotFound if there is none, or its image is gone; Conflict if it is live already or its name may mean several.
    """
    live = next((one for one in candidates if one.release.is_live), None)
    if live is None:
        raise NotFound(f"{app} has no live release to roll back from", hint=f"deployhost deploy {app}")
    return _earlier(app, candidates, live) if wanted is None else _named(app, candidates, wanted)


def _earlier(app: AppName, candidates: Sequence[RollbackCandidate], live: RollbackCandidate) -> RollbackCandidate:
    """The newest release before the live one that is another commit, else one of the same commit that was built anew.

    A release that runs an older one again stands where that one stands: to roll back twice is to go back twice.
    """
    places = {one.release.version: one for one in candidates}
    here: RollbackCandidate | None = live
    while here is not None and here.origin is not None:
        here = places.get(here.origin)  # one that is forgotten was older than all that are not
    before = [
        one
        for one in candidates
        if here is not None and one.release.live_since < here.release.live_since
        if one.has_image and not one.release.failed
    ]
    other = [one for one in before if one.release.sha != live.release.sha]
    rebuilt = [one for one in before if one.release.image != live.release.image]
    for found in (*other, *rebuilt):
        return found
    raise NotFound(
        f"{app} has no earlier release than {live.release.version.short}",
        hint=f"deployhost releases {app}",
    )


def _named(app: AppName, candidates: Sequence[RollbackCandidate], wanted: str) -> RollbackCandidate:
    text = wanted.strip().lower()
    exact = [one for one in candidates if text in (one.release.version, one.release.version.short)]
    begun = [one for one in candidates if len(text) >= SHORTEST and one.release.version.startswith(text)]
    found = exact or begun
    if not found:
        raise NotFound(f"{app} has no release {wanted!r}", hint=f"deployhost releases {app}")
    if len({one.release.sha for one in found}) > 1:
        raise Conflict(
            f"{wanted} matches several releases of {app}",
            hint=f"deployhost rollback {app} {found[0].release.version}",
            details=tuple(f"{one.release.version} {one.release.subject}" for one in found),
        )
    if exact and exact[0].release.is_live:
        raise Conflict(f"{exact[0].release.version.short} is already live", hint=f"deployhost restart {app}")
    same_commit = [one for one in candidates if one.release.sha == found[0].release.sha]
    usable = [one for one in (*found, *same_commit) if one.has_image]
    if not usable:
        release = found[0].release
        raise NotFound(
            f"the image of {release.version.short} was removed: build it again",
            hint=f"deployhost deploy {app} {release.sha.short}",
        )
    if usable[0].release.is_live:
        raise Conflict(f"{usable[0].release.version.short} is already live", hint=f"deployhost restart {app}")
    return usable[0]
