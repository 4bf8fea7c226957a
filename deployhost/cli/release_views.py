"""Releases, rollbacks, and deploys that were cancelled or waited for, as lines for people. Pure: the time is passed in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deployhost.cli.views import ago, short, table
from deployhost.control.progress import Progress, clean, seconds

View = Mapping[str, Any]
SUBJECT = 40  # characters of a commit's subject in a table
HOW = {"auto_rollback": "automatic rollback", "manual": "deploy"}


def releases(result: View, now: datetime) -> list[str]:
    """Given releases.list's result, return a table, and below it what a row has no room for."""
    found = result["releases"]
    if not found:
        return [f"{result['app']} has no release yet", f"try: deployhost status {result['app']}"]
    rows = [_row(release, now) for release in found]
    lines = table(("VERSION", "SUBJECT", "LIVE", "BY", "TOOK", ""), rows)
    if any(_usable(release) for release in found):
        lines.append(f"try: deployhost rollback {result['app']} --dry-run")
    return lines


def rollback(result: View, now: datetime) -> list[str]:
    """Given app.rollback's result, return to what it went back, or would; nothing where it failed, since the deploy says why."""
    to, before = result["release"], result["from"]
    if result["applied"] and (result.get("deploy") or {}).get("status") != "live":
        return []
    verb = "went back" if result["applied"] else "would go back"
    left = "" if before is None else f" from {short(before['version'])}"
    subject = f" {clean(to['subject'])}" if to.get("subject") else ""
    return [
        f"{result['app']} {verb}{left} to {short(to['version'])}{subject}, which went live {ago(to['live_since'], now)}"
    ]


def cancelled(result: View) -> list[str]:
    """Given deploy.cancel's result, return how each of the deploys ended."""
    return [_ended(deploy) for deploy in result["deploys"]]


def waited(result: View) -> list[str]:
    """Given deploy.wait's result, return how what was asked for last has ended."""
    deploy = result["deploy"]
    lines: list[str] = []
    if deploy["status"] == "live" and not result["live"]:
        return [f"failed: {clean(result['why'])}", f"try: deployhost status {result['app']}"]
    Progress(lines.append).finish(deploy)
    return lines


def _row(release: View, now: datetime) -> tuple[str, ...]:
    deploy = release.get("deploy") or {}
    subject = clean(release.get("subject") or "")
    took = seconds(deploy["total_ms"]) if deploy.get("total_ms") is not None else "-"
    return (
        short(release["version"]),
        subject if len(subject) <= SUBJECT else subject[: SUBJECT - 1] + "…",
        ago(release.get("live_since"), now),
        HOW.get(release.get("how") or "", release.get("how") or "-"),
        took,
        _remark(release),
    )


def _remark(release: View) -> str:
    """Say what became of it: it is live, or why not, and whether it can be gone back to."""
    if release["live"]:
        # It stays where automatic rollback is off, or has nowhere to go.
        return f"live, but failed: {clean(release['why'])}" if release.get("left") == "failed" else "live"
    words = []
    if release.get("left") == "failed":
        words.append(f"failed: {clean(release['why'])}")
    elif release.get("left") == "rolled_back":
        words.append(clean(release["why"]))
    if release.get("image_available") is False:
        words.append("its image is gone")
    return ", ".join(words)


def _usable(release: View) -> bool:
    return not release["live"] and bool(release.get("image_available"))


def _ended(deploy: View) -> str:
    what = (
        f"deploy {deploy['id']} ({deploy['sha'][:7]}{' ' + clean(deploy['subject']) if deploy.get('subject') else ''})"
    )
    if deploy["status"] == "cancelled":
        return f"{what} is cancelled"
    if deploy["status"] == "live":
        return f"{what} was live already; to go back: deployhost rollback {deploy['app']}"
    return f"{what} had ended already: {deploy['status']}"
