"""storage enable, disable, show."""

from typing import TYPE_CHECKING

import typer

from deployhost.cli.arguments import AppArgument, JsonOption, group
from deployhost.cli.deploys import continues
from deployhost.cli.session import session_of
from deployhost.control.operations import STORAGE_DISABLE, STORAGE_ENABLE, STORAGE_SHOW
from deployhost.model import MOUNTED_AT, AppName

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.results import StorageChanged, StorageShown

NOT_LIVE = ("failed", "cancelled")  # a deploy that changed nothing


def enable(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Mount a persistent directory at /storage.

    Example: deployhost storage enable hello
    """
    _change(context, name, as_json, on=True)


def disable(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Stop mounting /storage. The directory and its data stay on the server.

    Example: deployhost storage disable hello
    """
    _change(context, name, as_json, on=False)


def show(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Show where an app's storage is on the server.

    Example: deployhost storage show hello
    """
    session = session_of(context, as_json)
    found = session.ask(STORAGE_SHOW({"name": AppName(name)}))
    found.pop("deploy", None)
    session.show(found, _shown)


def _change(context: typer.Context, name: str, as_json: bool, *, on: bool) -> None:
    session = session_of(context, as_json)
    app = AppName(name)
    operation = STORAGE_ENABLE if on else STORAGE_DISABLE
    result = session.follow(operation({"name": app, "follow": True}), continues(app))
    session.show(result, _enabled if on else _disabled)
    session.ended(result["deploy"])


def _shown(result: "StorageShown") -> list[str]:
    app, path = result["app"], result["path"]
    if result["enabled"] and result["mounted"] is False:
        waits = f"the next deploy mounts {path} at {result['mounted_at']}; the live release of {app} runs without it"
        return [waits, f"try: deployhost storage enable {app}"]
    if result["enabled"]:
        return [f"{path} is mounted at {result['mounted_at']}"]
    if result["mounted"]:
        return [
            f"the live release of {app} keeps {path} until the next deploy",
            f"try: deployhost storage disable {app}",
        ]
    kept = f"; its data is kept in {path}" if path else ""
    return [f"{app} has no storage{kept}", f"try: deployhost storage enable {app}"]


def _enabled(result: "StorageChanged") -> list[str]:
    deploy = result["deploy"]
    # Without a live release there is nothing to apply it to.
    waits = deploy["status"] in NOT_LIVE if deploy else result["changed"]
    path, mounted_at = result["path"], result["mounted_at"]
    mounted = f"the next deploy mounts {path} at {mounted_at}" if waits else f"{path} is mounted at {mounted_at}"
    return [f"{mounted}; files below {mounted_at} persist across deploys"]


def _disabled(result: "StorageChanged") -> list[str]:
    app, path, deploy = result["app"], result["path"], result["deploy"]
    if deploy is not None and deploy["status"] in NOT_LIVE:
        return [f"the live release of {app} keeps {path} until the next deploy"]
    return [f"{app} has no storage any more; its data stays in {path}" if path else f"{app} has no storage"]


storage = group(f"Manage the persistent directory of an app, mounted at {MOUNTED_AT}.", enable, disable, show)
