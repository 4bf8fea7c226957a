"""What an answer of GitHub's that is not the wanted one means, as an error that a person can act on. Pure."""

from datetime import datetime
from email.utils import parsedate_to_datetime

from deployhost.errors import (
    AccessRefused,
    ClockOff,
    DeployhostError,
    GitHubAppDeleted,
    NotFound,
    ProviderRefused,
    ProviderUnavailable,
)
from deployhost.github.answers import HttpAnswer
from deployhost.github.connection import GitHubConnection

APP_GONE = (
    "Integration not found"  # what a deleted App gets: https://github.com/actions/create-github-app-token/issues/76
)
SKEW = 60.0  # seconds; what we sign says that it is from a minute ago
LONGEST_WAIT = 3600.0  # GitHub's limits are by the hour
SECONDARY = 60.0  # "wait for at least one minute", where a 403 or 429 does not say how long


def refusal(answer: HttpAnswer, doing: str, connection: GitHubConnection, now: float) -> DeployhostError:
    """Return what an answer means: `doing` says what was asked for, as in "reading octo/shop"; `now` is in unix seconds."""
    wait = asked_to_wait(answer, now)
    if wait:
        return ProviderUnavailable(f"GitHub's rate limit is used up: {doing} waits for {wait:.0f} s", retry_after=wait)
    if answer.status >= 500 or answer.status in (408, 409) or answer.status < 400:
        return ProviderUnavailable(f"GitHub failed with {answer.status} on {doing}", details=_said(answer))
    if answer.status == 401 or (answer.status == 404 and answer.message == APP_GONE):
        return clock_off(answer, now) or app_deleted(answer, connection)
    if answer.status == 404:
        return NotFound(f"GitHub has nothing there, or the App {connection.slug} does not see it: {doing}")
    if answer.status == 403 and "archived" not in answer.message:  # "Repository was archived so is read-only."
        return _right_missing(answer, doing, connection)
    return ProviderRefused(f"GitHub refuses {doing} ({answer.status})", details=_said(answer))


def app_deleted(answer: HttpAnswer, connection: GitHubConnection) -> GitHubAppDeleted:
    """Return what to do about an App that GitHub no longer knows, or whose key it no longer takes."""
    return GitHubAppDeleted(
        f"GitHub does not know the App {connection.slug} any more: the App or its key was deleted",
        hint=connection.disconnect_command,
        details=(*_said(answer), f"the App's settings: {connection.settings_page}"),
    )


def _right_missing(answer: HttpAnswer, doing: str, connection: GitHubConnection) -> AccessRefused:
    if "suspended" in answer.message.lower():
        return suspended(connection)
    rights = answer.headers.get("x-accepted-github-permissions", "")
    needs = (f"it needs: {rights}",) if rights else ()
    return AccessRefused(
        f"GitHub refuses {doing} to the App {connection.slug}: a right is missing",
        hint=connection.connect_command,
        details=(*_said(answer), *needs, f"the App's settings: {connection.settings_page}"),
    )


def conversion_refusal(answer: HttpAnswer, doing: str, now: float) -> DeployhostError:
    """Return what an answer means that has no new App in it."""
    wait = asked_to_wait(answer, now)
    if wait or not 400 <= answer.status < 500:
        why = "its rate limit is used up" if wait else f"it failed with {answer.status}"
        return ProviderUnavailable(f"GitHub did not answer on {doing}: {why}", details=_said(answer), retry_after=wait)
    return ProviderRefused(
        f"GitHub does not accept the code that the browser came back with ({answer.status}): it works once, and for an hour",
        details=_said(answer),
    )


def asked_to_wait(answer: HttpAnswer, now: float) -> float:
    """Return for how many seconds GitHub wants no further call, or 0.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api: a 403 or 429 with Retry-After, or with
    no calls remaining until X-RateLimit-Reset; else it is a secondary limit, and a minute.
    """
    if answer.status not in (403, 429):
        return 0.0
    after = _number(answer.headers.get("retry-after", ""))
    if after is None and answer.headers.get("x-ratelimit-remaining") == "0":
        reset = _number(answer.headers.get("x-ratelimit-reset", ""))
        after = None if reset is None else reset - (_date(answer) or now)
    if after is None:
        limited = answer.status == 429 or "rate limit" in answer.message.lower()
        return SECONDARY if limited else 0.0
    return min(max(after, 1.0), LONGEST_WAIT)


def clock_off(answer: HttpAnswer, now: float) -> ClockOff | None:
    """Return what is wrong with this server's clock if that is why GitHub refuses what we signed.

    Its words: "'Expiration time' claim ('exp') is too far in the future", "'Issued at' claim ('iat') must be …".
    """
    there = _date(answer)
    off = 0.0 if there is None else now - there
    if abs(off) <= SKEW and "claim ('" not in answer.message:
        return None
    by = f" {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} GitHub's" if abs(off) > 1 else " wrong"
    return ClockOff(f"this server's clock is{by}: GitHub refuses what it signs", hint="timedatectl set-ntp true")


def suspended(connection: GitHubConnection) -> AccessRefused:
    """Return what to do about an installation that its owner suspended."""
    return AccessRefused(
        f"the GitHub App {connection.slug} is suspended by {connection.owner}",
        hint=connection.connect_command,
        details=(f"unsuspend it: {connection.install_page}",),
    )


def not_installed(connection: GitHubConnection) -> AccessRefused:
    """Return what to do about an App that is not installed."""
    return AccessRefused(
        f"the GitHub App {connection.slug} is not installed by {connection.owner}",
        hint=connection.connect_command,
        details=(f"install it: {connection.install_page}",),
    )


def _said(answer: HttpAnswer) -> tuple[str, ...]:
    return (f"GitHub says: {answer.message}",) if answer.message else ()


def _number(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None


def _date(answer: HttpAnswer) -> float | None:
    try:
        found: datetime = parsedate_to_datetime(answer.headers.get("date", ""))
        return found.timestamp()
    except (ValueError, OverflowError):
        return None
