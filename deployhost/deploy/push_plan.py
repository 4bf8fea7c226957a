"""What a push of one ref means: deploy it, leave it to git, or refuse it; and what its pusher should know. Pure."""

import shlex
from dataclasses import dataclass
from enum import Enum

from deployhost.errors import InvalidName
from deployhost.model import AppName, Branch, Deploy, Release, RepositoryName, Trigger

ZERO = "0" * 40  # git's "no such object"
HEADS, TAGS = "refs/heads/", "refs/tags/"


class PushKind(Enum):
    """What is to be done about one ref."""

    DEPLOY = "deploy"
    KEEP = "keep"  # git stores it, nothing is deployed
    REFUSE = "refuse"


@dataclass(frozen=True)
class PushVerdict:
    """The kind, what to tell the pusher, and the branch if it is deployed (adopted: it becomes the app's)."""

    kind: PushKind
    says: str = ""
    branch: Branch | None = None
    adopt: bool = False


def judge_push(
    app: str, wanted: Branch | None, ref: str, new: str, source: RepositoryName | None = None
) -> PushVerdict:
    """Return what a push means; `wanted` is the app's branch, None if it has none yet.

    The first branch that is pushed to an app without one becomes its branch. An app that is deployed from a `source` on GitHub
    takes no push here.
    """
    if source is not None:
        return PushVerdict(PushKind.REFUSE, f"{app} is deployed from {source} on GitHub: push there")
    deletion = new == ZERO
    if not ref.startswith(HEADS):
        what = f"tag {ref.removeprefix(TAGS)}" if ref.startswith(TAGS) else ref
        return PushVerdict(PushKind.KEEP, f"{what} is {'deleted' if deletion else 'kept'}; only branches are deployed")
    try:
        branch = Branch(ref.removeprefix(HEADS))
    except InvalidName as error:
        return PushVerdict(PushKind.REFUSE, error.message)
    if wanted is not None and branch != wanted:
        done = "deleted" if deletion else "kept"
        hint = "" if deletion else f" (to deploy it: git push <remote> {shlex.quote(f'{branch}:{wanted}')})"
        return PushVerdict(PushKind.KEEP, f"branch {branch} is {done}; {app} deploys {wanted}{hint}")
    if deletion:
        return PushVerdict(
            PushKind.REFUSE, f"{branch} is the branch that {app} deploys; `deployhost remove {app}` removes the app"
        )
    return PushVerdict(PushKind.DEPLOY, branch=branch, adopt=wanted is None)


def going_forward(app: AppName, live: Release | None, chosen: Deploy | None) -> str:
    """Return what to say to a push of a new commit where the live release had been chosen over what was pushed last, else ""."""
    if live is None or chosen is None or chosen.trigger not in (Trigger.ROLLBACK, Trigger.AUTO_ROLLBACK):
        return ""
    subject = f" ({live.subject})" if live.subject else ""
    automatically = " automatically" if chosen.trigger is Trigger.AUTO_ROLLBACK else ""
    return f"{app} was rolled back{automatically} to {live.sha.short}{subject}; this push rolls forward"


def replaces(older: Deploy) -> str:
    """Return what to say to a push that replaces one which it does not contain."""
    return f"this push replaces {older.sha.short} ({older.subject}), and does not contain it"


def overtaken_by(deploy: Deploy, newer: Deploy) -> str:
    """Return what to say of a deploy that was superseded by a newer one."""
    if newer.trigger is Trigger.PUSH:
        return f"overtaken by the newer push {newer.sha.short}: that one is deployed instead of {deploy.sha.short}"
    how = "a rollback to" if newer.trigger is Trigger.ROLLBACK else "the deploy of"
    return f"overtaken by {how} {newer.sha.short}, which was requested later: {deploy.sha.short} is not deployed"
