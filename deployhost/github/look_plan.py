"""What a look at an app's repository comes to: whether its head is to be deployed. Pure.

A head is decided on once a deploy of it was asked for, whatever became of that: live, failed, superseded, cancelled, rolled back
from. Only another head is deployed by itself; the same one is only deployed again if a person wants that.
"""

from dataclasses import dataclass
from enum import Enum

from deployhost.journal.pinned import PinnedSource
from deployhost.model import Branch, Deploy, Release, Sha

HEADS = "refs/heads/"


class LookVerdict(Enum):
    """What is to be done about a head that was fetched."""

    NOTHING = "nothing"  # it was decided on before
    DEPLOY = "deploy"
    UNPROVEN = "unproven"  # a fetch goes by name: it is not known yet to be of the pinned repository


@dataclass(frozen=True, kw_only=True)
class PushHint:
    """What a delivery says of a push: the connection and the repository, by their ids, the branch, and its head after it.

    Nothing of it is trusted: it only says where to look.
    """

    connection: str
    repository: int
    branch: Branch
    after: Sha

    def is_of(self, pinned: PinnedSource) -> bool:
        """Return whether it is a push to an app's pinned repository."""
        return self.connection == pinned.connection and self.repository == pinned.repository


def deployed_branch(wanted: Branch | None, pinned: PinnedSource) -> Branch | None:
    """Return the branch that is deployed: the one of apps.yml, else the repository's default branch, if that is known."""
    return wanted or pinned.default_branch


def decided_on(pinned: PinnedSource | None, newest: Deploy | None, live: Release | None) -> Sha | None:
    """Return the head that was decided on last; `newest` is the newest deploy of a head.

    What runs though the journal knows no deploy of it, since it was lost, was decided on.
    """
    if pinned is not None and pinned.skipped is not None and (newest is None or newest.id <= pinned.skipped_after):
        return pinned.skipped
    if newest is not None:
        return newest.sha
    return None if live is None else live.sha


def judge(fetched: Sha, decided: Sha | None, known: Sha | None) -> LookVerdict:
    """Return what is to be done about a fetched head; `known` is one that GitHub named for the repository's id."""
    if fetched == decided:
        return LookVerdict.NOTHING
    return LookVerdict.DEPLOY if fetched == known else LookVerdict.UNPROVEN
