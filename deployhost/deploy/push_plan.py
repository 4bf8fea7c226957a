"""What a push of one ref means: deploy it, leave it to git, or refuse it. Pure."""

from dataclasses import dataclass
from enum import Enum

from deployhost.errors import InvalidName
from deployhost.model import Branch

ZERO = "0" * 40  # git's "no such object"
HEADS, TAGS = "refs/heads/", "refs/tags/"


class PushKind(Enum):
    """What is to be done about one ref."""

    DEPLOY = "deploy"
    KEEP = "keep"  # git stores it, nothing is deployed
    REFUSE = "refuse"


@dataclass(frozen=True)
class PushVerdict:
    """The kind, what to tell the pusher, and the branch to deploy (adopted: it becomes the app's)."""

    kind: PushKind
    says: str = ""
    branch: Branch | None = None
    adopt: bool = False


def judge_push(app: str, wanted: Branch | None, ref: str, new: str) -> PushVerdict:
    """Given an app, its branch (None: none yet), a ref and its new value, return what the push means.

    The first branch that is pushed to an app without one becomes its branch.
    """
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
        hint = "" if deletion else f" (to deploy it: git push <remote> {branch}:{wanted})"
        return PushVerdict(PushKind.KEEP, f"branch {branch} is {done}; {app} deploys {wanted}{hint}")
    if deletion:
        return PushVerdict(
            PushKind.REFUSE, f"{branch} is the branch that {app} deploys; `deployhost remove {app}` removes the app"
        )
    return PushVerdict(PushKind.DEPLOY, branch=branch, adopt=wanted is None)
