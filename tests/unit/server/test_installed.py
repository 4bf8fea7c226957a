"""Services name our programs so that their definitions outlive upgrades."""

import sys
from pathlib import Path

from deployhost.server.installed import daemon_program, interpreter


def test_programs_are_started_through_the_link_that_outlives_upgrades(tmp_path: Path) -> None:
    (tmp_path / "venv-1").mkdir()
    (tmp_path / "current").symlink_to("venv-1")
    assert daemon_program(tmp_path, tmp_path / "venv-1") == tmp_path / "current/bin/deployhostd"
    assert daemon_program(tmp_path, Path("/x/.venv")) == Path("/x/.venv/bin/deployhostd")


def test_our_python() -> None:
    assert interpreter() == Path(sys.prefix) / "bin/python"
