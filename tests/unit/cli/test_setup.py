"""The verb setup before it touches anything, and the checklist that it shows."""

import json
import os

import pytest

from deployhost.cli.main import main


def test_purge_is_part_of_uninstalling(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "--purge", "--local", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["hint"] == "deployhost setup --uninstall --purge"


def test_only_root_sets_up(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["setup", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["hint"] == "sudo deployhost setup"
