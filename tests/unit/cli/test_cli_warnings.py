"""What is wrong with the server as a whole, in the head of `status`."""

from collections.abc import Sequence
from datetime import UTC, datetime

from deployhost.apps.view import finding
from deployhost.cli import views
from deployhost.steps import Finding, Severity
from tests.fakes.views import app_view, server_view

NOW = datetime(2026, 1, 1, 0, 2, 5, tzinfo=UTC)


def head(*warnings: tuple[str, str], findings: Sequence[Finding] = (), **server: str | None) -> list[str]:
    shown = server_view(
        warnings=[{"message": message, "hint": hint} for message, hint in warnings],
        findings=[finding(one) for one in findings],
        **server,
    )
    lines = views.status({"server": shown, "apps": [], "problem": None}, NOW)
    return lines[1 : lines.index("")]


def test_each_with_its_command() -> None:
    assert head() == []
    assert head(
        ("converging: Docker refused: no pool", "deployhost setup --local"),
        ("apps can reach each other: iptables is not installed", ""),
        ("the journal was written anew", ""),
    ) == [
        "! converging: Docker refused: no pool",
        "  try: deployhost setup --local",
        "! apps can reach each other: iptables is not installed",
        "! the journal was written anew",
    ]


def test_what_has_been_said_is_not_said_again() -> None:
    said = head(("converging: the Docker engine does not answer", "deployhost setup --local"), docker=None)
    assert said == [
        "! apps may be out of reach: the Docker engine does not answer",
        "  try: deployhost setup --local",
    ]


def test_findings() -> None:
    """Each is shown with its command, and not again as a warning."""
    lost = Finding(Severity.ERROR, "shop has no route", "kamal-proxy forgot it", "deployhost converge shop")
    clock = Finding(Severity.WARNING, "the clock is not synchronised")
    assert head(findings=[lost, clock]) == [
        "! shop has no route: kamal-proxy forgot it",
        "  try: deployhost converge shop",
        "! the clock is not synchronised",
    ]
    assert head(("the clock is not synchronised; NTP is off: timedatectl set-ntp true", ""), findings=[clock]) == [
        "! the clock is not synchronised"
    ]


def test_a_finding_that_an_app_shows() -> None:
    frozen = Finding(Severity.ERROR, "the container of hello is frozen", "", "docker unpause hello")
    shown = server_view(findings=[finding(frozen)])
    app = app_view(note="the container of hello is frozen: docker unpause hello")
    lines = views.status({"server": shown, "apps": [app], "problem": None}, NOW)
    assert sum("frozen" in line for line in lines) == 1
