"""The arguments of the control socket's operations. One that is None is left out of the request.

`follow` has the daemon send a deploy's events and answer once it has ended; that is the default.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict


class NoArguments(TypedDict):
    """Arguments of an operation that has none."""


class OfApp(TypedDict):
    """Arguments: the app."""

    name: str


class OfAnyApp(TypedDict):
    """Arguments: one app, or all of them."""

    name: str | None


class FollowApp(TypedDict):
    """Arguments of what ends in a deploy of an app."""

    name: str
    follow: NotRequired[bool]


class AddArguments(TypedDict):
    """Arguments of app.add."""

    name: str
    branch: str | None
    domains: Sequence[str] | None


class RemoveArguments(TypedDict):
    """Arguments of app.remove; `storage` deletes its data too."""

    name: str
    storage: bool
    dry_run: bool


class StartArguments(TypedDict):
    """Arguments of deploy.start. `ref` is a branch, a tag or (the first digits of) a commit; without it, what was pushed last."""

    name: str
    ref: str | None
    rebuild: bool | None
    follow: bool


class OfDeploy(TypedDict):
    """Arguments: a deploy."""

    id: int


class DeploysArguments(TypedDict):
    """Arguments of deploys.list."""

    name: str
    limit: NotRequired[int]


class CancelArguments(TypedDict):
    """Arguments of deploy.cancel; `by` is shown as who cancelled it."""

    name: str
    by: str | None


class WaitArguments(TypedDict):
    """Arguments of deploy.wait; at `until` (unix seconds) the error is wait_timed_out."""

    name: str
    until: float | None


class RollbackArguments(TypedDict):
    """Arguments of app.rollback. `release` is a version or its first digits; without it, the release before the live one."""

    name: str
    release: str | None
    dry_run: NotRequired[bool]
    follow: NotRequired[bool]


class LogsArguments(TypedDict):
    """Arguments of logs, which sends log and note events; following ends when the client closes the connection."""

    name: str
    lines: int
    follow: bool | None
    deploy: int | None
    process: str | None


class EnvListArguments(TypedDict):
    """Arguments of env.list; `reveal` asks for the values."""

    name: str
    reveal: bool | None


class EnvSetArguments(TypedDict):
    """Arguments of env.set."""

    name: str
    values: Mapping[str, str]
    follow: bool


class EnvUnsetArguments(TypedDict):
    """Arguments of env.unset."""

    name: str
    names: Sequence[str]
    follow: bool


class DomainsArguments(TypedDict):
    """Arguments of domains.add and domains.remove."""

    name: str
    domains: Sequence[str]


class DryRun(TypedDict):
    """Arguments of an operation that may only say what it would do."""

    dry_run: bool | None


class ConvergeArguments(TypedDict):
    """Arguments of app.converge: one app, or all of them."""

    name: str | None
    dry_run: bool | None


class PrepareArguments(TypedDict):
    """Arguments of kamal.prepare; `arguments` has the verb that Kamal builds with, or nothing."""

    name: str
    arguments: Sequence[str]


class PushArguments(TypedDict):
    """Arguments of push: one ref's update. The same token is the same push."""

    app: str
    ref: str
    old: str
    new: str
    token: NotRequired[str]
