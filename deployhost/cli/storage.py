"""storage enable, disable, show."""

from collections.abc import Mapping
from typing import Any

import typer

from deployhost.cli.arguments import AppArgument, JsonOption
from deployhost.cli.deploys import goes_on
from deployhost.cli.session import session_of
from deployhost.model import MOUNTED_AT, AppName

NOT_LIVE = ("failed", "cancelled")  # a deploy that brought nothing about

View = Mapping[str, Any]


def register(app: typer.Typer) -> None:
    """Given the typer app, add the group."""
    group = typer.Typer(rich_markup_mode=None)
    for verb in (enable, disable, show):
        group.command()(verb)
    app.add_typer(group, name="storage", help=f"A directory at {MOUNTED_AT} that outlives deploys.")


def enable(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Give the app a directory at /storage that outlives its deploys.

    Example: deployhost storage enable hello
    """
    _change(context, name, as_json, "storage.enable")


def disable(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Take /storage away from the app; the directory and all that is in it stay on the server.

    Example: deployhost storage disable hello
    """
    _change(context, name, as_json, "storage.disable")


def show(context: typer.Context, name: AppArgument, as_json: JsonOption = False) -> None:
    """Show where the app's storage lies on the server.

    Example: deployhost storage show hello
    """
    session = session_of(context, as_json)
    app = AppName(name)
    found = session.ask("storage.show", name=app)
    session.show({key: found.get(key) for key in ("app", "enabled", "path", "mounted_at", "mounted")}, _shown)


def _change(context: typer.Context, name: str, as_json: bool, op: str) -> None:
    session = session_of(context, as_json)
    app = AppName(name)
    result: View = session.follow(op, goes_on(app), name=app, follow=True)
    session.show(result, _enabled if op == "storage.enable" else _disabled)
    session.ended(result.get("deploy"))


def _shown(result: View) -> list[str]:
    app, path = result["app"], result["path"]
    if result["enabled"] and result.get("mounted") is False:
        waits = f"{path} will be mounted at {result['mounted_at']} by the next deploy; what serves {app} is without it"
        return [waits, f"try: deployhost storage enable {app}"]
    if result["enabled"]:
        return [f"{path} is mounted at {result['mounted_at']}"]
    if result.get("mounted"):
        return [
            f"what serves {app} keeps {path} until a deploy without it is live",
            f"try: deployhost storage disable {app}",
        ]
    kept = f"; what it had is in {path}" if path else ""
    return [f"{app} has no storage{kept}", f"try: deployhost storage enable {app}"]


def _enabled(result: View) -> list[str]:
    deploy = result.get("deploy")
    # Where nothing is live there is nothing to apply it to.
    waits = deploy["status"] in NOT_LIVE if deploy else result.get("changed", False)
    when = "will be mounted" if waits else "is mounted"
    mounted = f"{result['path']} {when} at {result['mounted_at']}{' by the next deploy' if waits else ''}"
    return [f"{mounted}; keep what must outlive deploys below {result['mounted_at']}"]


def _disabled(result: View) -> list[str]:
    app, path = result["app"], result["path"]
    if (result.get("deploy") or {}).get("status") in NOT_LIVE:
        return [f"what serves {app} keeps {path} until a deploy without it is live"]
    return [f"{app} has no storage any more; {path} stays as it is" if path else f"{app} has no storage"]
