"""What was posted of a commit, as the journal has it. Pure."""

from dataclasses import dataclass
from typing import Literal

from deployhost.model import AppName, Sha

PENDING = "pending"
PostedState = Literal["error", "failure", "pending", "success"]


@dataclass(frozen=True, kw_only=True)
class PostedStatus:
    """The last status of a commit for an app: of which deploy it tells, to which repository it was posted, by which connection."""

    app: AppName
    sha: Sha
    repository: int
    connection: str
    deploy: int
    state: str
    posted_at: float
