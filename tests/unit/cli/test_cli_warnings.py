"""What is wrong with the server as a whole, in the head of `status`."""

from datetime import UTC, datetime

from deployhost.cli import views

NOW = datetime(2026, 1, 1, 0, 2, 5, tzinfo=UTC)
SERVER = {
    "version": "1",
    "pid": 1,
    "started_at": "2026-01-01T00:00:00Z",
    "docker": "20.10",
    "proxy": "running",
    "http_port": 80,
}


def head(*warnings: tuple[str, str], **server: str | None) -> list[str]:
    shown = [{"message": message, "hint": hint} for message, hint in warnings]
    lines = views.status({"server": SERVER | server | {"warnings": shown}, "apps": []}, NOW)
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
