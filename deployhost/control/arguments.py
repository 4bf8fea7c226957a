"""The arguments of the control socket's operations. One that is None is left out of the request."""

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


class FollowApp(OfApp):
    """Arguments of what ends in a deploy of an app.

    `follow` has the daemon send the deploy's events and answer once it has ended; that is the default.
    """

    follow: NotRequired[bool]


class AddArguments(OfApp):
    """Arguments of app.add; `replace` puts our records in the place of others of these domains."""

    branch: str | None
    domains: Sequence[str] | None
    replace: bool | None


class AddSourceArguments(TypedDict):
    """Arguments of app.add_source. `source` is OWNER/REPO or its URL; without a name, the app gets the repository's.

    `agreed` turns an app that is there into one of this repository; `deploy` false leaves the head as it is; `replace` is as with app.add.
    """

    source: str
    name: str | None
    branch: str | None
    domains: Sequence[str] | None
    variables: Mapping[str, str] | None
    deploy: bool | None
    agreed: bool | None
    replace: bool | None
    follow: NotRequired[bool]


class RemoveArguments(OfApp):
    """Arguments of app.remove; `storage` deletes its data too."""

    storage: bool
    dry_run: bool


class StartArguments(FollowApp):
    """Arguments of deploy.start. `ref` is a branch, a tag or (the first digits of) a commit; without it, what was pushed last."""

    ref: str | None
    rebuild: bool | None


class OfDeploy(TypedDict):
    """Arguments: a deploy."""

    id: int


class DeploysArguments(OfApp):
    """Arguments of deploys.list."""

    limit: NotRequired[int]


class CancelArguments(OfApp):
    """Arguments of deploy.cancel; `by` is shown as who cancelled it."""

    by: str | None


class WaitArguments(OfApp):
    """Arguments of deploy.wait; at `until` (unix seconds) the error is wait_timed_out."""

    until: float | None


class RollbackArguments(FollowApp):
    """Arguments of app.rollback. `release` is a version or its first digits; without it, the release before the live one."""

    release: str | None
    dry_run: NotRequired[bool]


class LogsArguments(OfApp):
    """Arguments of logs, which sends log and note events; following ends when the client closes the connection."""

    lines: int
    follow: bool | None
    deploy: int | None
    process: str | None


class EnvListArguments(OfApp):
    """Arguments of env.list; `reveal` asks for the values."""

    reveal: bool | None


class EnvSetArguments(FollowApp):
    """Arguments of env.set."""

    values: Mapping[str, str]


class EnvUnsetArguments(FollowApp):
    """Arguments of env.unset."""

    names: Sequence[str]


class DomainsArguments(OfApp):
    """Arguments of domains.remove."""

    domains: Sequence[str]


class DomainsAddArguments(DomainsArguments):
    """Arguments of domains.add; `replace` puts our records in the place of others of these names."""

    replace: bool | None


class DryRun(TypedDict):
    """Arguments of an operation that may only say what it would do."""

    dry_run: bool | None


class ConvergeArguments(OfAnyApp, DryRun):
    """Arguments of app.converge: one app, or all of them."""


class PrepareArguments(OfApp):
    """Arguments of kamal.prepare; `arguments` has the verb that Kamal builds with, or nothing."""

    arguments: Sequence[str]


class OfConnection(TypedDict):
    """Arguments: an owner's connection to GitHub, by its id."""

    connection: str


class PushArguments(TypedDict):
    """Arguments of push: one ref's update. The same token is the same push."""

    app: str
    ref: str
    old: str
    new: str
    token: NotRequired[str]
