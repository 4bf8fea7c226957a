"""Which deploy comes next, and which ones a newer one makes pointless. Pure."""

from collections.abc import Iterable

from deployhost.model import Deploy, DeployStatus, Sha, Trigger, Version

BUILDS = (Trigger.PUSH, Trigger.MANUAL)  # triggers that bring a commit, which may have to be built
CHOICES = (*BUILDS, Trigger.ROLLBACK)  # triggers that choose what runs
REPEATS = (Trigger.RESTART, Trigger.SETTINGS)  # triggers that repeat what is live by then


def overtakes(new: Trigger, queued: Deploy) -> bool:
    """Return whether a new deploy makes one pointless that is still queued; `new` is what asks for it.

    The newest choice wins over older ones, and the newest settings over older ones; but settings must reach the live
    release even if the newer commit turns out to be broken, and the other way round. An automatic rollback neither
    overtakes nor is overtaken: the newer commit may be broken as well.
    """
    return any(new in kind and queued.trigger in kind for kind in (CHOICES, REPEATS))


def next_of(queued: Iterable[Deploy]) -> Deploy | None:
    """Return the deploy of one app to run next, or None: the oldest, since the newer ones wait their turn."""
    waiting = (deploy for deploy in queued if deploy.status is DeployStatus.QUEUED)
    return min(waiting, key=lambda deploy: deploy.id, default=None)


def next_version(sha: Sha, used: set[str]) -> Version:
    """Return a new version of a commit, beside those that its deploys have used: the sha, then sha-2, sha-3 and so on.

    A version is never used twice, so the container of a failed attempt keeps its name and its logs.
    """
    number = 1
    while (candidate := sha if number == 1 else f"{sha}-{number}") in used:
        number += 1
    return Version(candidate)
