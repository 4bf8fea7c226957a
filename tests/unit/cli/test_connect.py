"""The groups connect and disconnect have a verb for each provider."""

from tests.fakes.command import Run


def test_the_providers(run: Run) -> None:
    assert "cloudflare" in run("connect", "--help").out
