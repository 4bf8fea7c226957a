"""Releases, rollbacks, and deploys that were cancelled or waited for, as lines for people. Pure: the time is passed in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from deployhost.cli.views import ago, table
from deployhost.control.progress import ProgressLines, seconds
from deployhost.control.terminal import escaped
from deployhost.model import Sha, Version

if TYPE_CHECKING:  # the types take 2 ms to make
    from deployhost.control.results import Cancelled, ReleasesFound, RolledBack, Waited
    from deployhost.control.views import DeployView, ReleaseView

SUBJECT = 40  # characters of a commit's subject in a table
HOW = {"auto_rollback": "automatic rollback", "manual": "deploy"}


def releases(result: ReleasesFound, now: datetime) -> list[str]:
    """Return an app's releases as a table, and how to roll back to one."""
    found = result["releases"]
    if not found:
        return [f"{result['app']} has no release yet", f"try: deployhost status {result['app']}"]
    rows = [_row(release, now) for release in found]
    lines = table(("VERSION", "SUBJECT", "LIVE", "BY", "TOOK", ""), rows)
    if any(not release["live"] and release["image_available"] for release in found):
        lines.append(f"try: deployhost rollback {result['app']} --dry-run")
    return lines


def rollback(result: RolledBack, now: datetime) -> list[str]:
    """Return what was rolled back, or would be; nothing where it failed, since the deploy says why."""
    to, before, deploy = result["release"], result["from"], result["deploy"]
    if result["applied"] and (deploy is None or deploy["status"] != "live"):
        return []
    verb = "rolled back" if result["applied"] else "would roll back"
    left = "" if before is None else f" from {Version(before['version']).short}"
    target = Version(to["version"]).short + (f" {escaped(to['subject'])}" if to["subject"] else "")
    return [f"{verb} {result['app']}{left} to {target}, which went live {ago(to['live_since'], now)}"]


def cancelled(result: Cancelled) -> list[str]:
    """Return how each of the deploys ended."""
    return [_ended(deploy) for deploy in result["deploys"]]


def waited(result: Waited) -> list[str]:
    """Return how the last requested deploy ended."""
    deploy = result["deploy"]
    lines: list[str] = []
    if deploy["status"] == "live" and not result["live"]:
        return [f"failed: {escaped(result['why'])}", f"try: deployhost status {result['app']}"]
    ProgressLines(lines.append).finish(deploy)
    return lines


def _row(release: ReleaseView, now: datetime) -> tuple[str, ...]:
    deploy, how = release["deploy"], release["how"] or "-"
    subject = escaped(release["subject"])
    took = seconds(deploy["total_ms"]) if deploy is not None and deploy["total_ms"] is not None else "-"
    return (
        Version(release["version"]).short,
        subject if len(subject) <= SUBJECT else subject[: SUBJECT - 1] + "…",
        ago(release["live_since"], now),
        HOW.get(how, how),
        took,
        _remark(release),
    )


def _remark(release: ReleaseView) -> str:
    """Say that a release is live, or why it is not, and whether its image is gone."""
    if release["live"]:
        # It stays where automatic rollback is off, or has no release to go back to.
        return f"live, but failed: {escaped(release['why'])}" if release["left"] == "failed" else "live"
    words = []
    if release["left"] == "failed":
        words.append(f"failed: {escaped(release['why'])}")
    elif release["left"] == "rolled_back":
        words.append(escaped(release["why"]))
    if release["image_available"] is False:
        words.append("its image is gone")
    return ", ".join(words)


def _ended(deploy: DeployView) -> str:
    subject = f" {escaped(deploy['subject'])}" if deploy["subject"] else ""
    what = f"deploy {deploy['id']} ({Sha(deploy['sha']).short}{subject})"
    if deploy["status"] == "cancelled":
        return f"{what} is cancelled"
    if deploy["status"] == "live":
        return f"{what} was live already; to roll back: deployhost rollback {deploy['app']}"
    return f"{what} had ended already: {deploy['status']}"
