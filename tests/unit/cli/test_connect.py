"""The groups connect and disconnect have a verb for each provider."""

import pytest
import typer

from deployhost.cli.main import build

PROVIDERS = {"connect": {"cloudflare", "github"}, "disconnect": {"cloudflare", "github"}}


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_providers(name: str) -> None:
    command: object = typer.main.get_command(build(name))
    assert set(getattr(command, "commands", {})[name].commands) == PROVIDERS[name]
