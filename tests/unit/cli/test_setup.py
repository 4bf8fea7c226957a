"""The verb setup before it touches anything, and the checklist that it shows."""

import json

import pytest

from deployhost.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["setup"], "deployhost setup --local"),
        (["setup", "--purge", "--local"], "deployhost setup --uninstall --purge"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["hint"] == hint
