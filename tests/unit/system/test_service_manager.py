"""Which command restarts a service or shows its log, by whoever keeps it running."""

from pathlib import Path

import pytest

from deployhost.system import service_manager


@pytest.mark.parametrize(("systemd", "command"), [(True, "systemctl restart deployhostd"), (False, "kill 42")])
def test_the_restart_is_the_managers(systemd: bool, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our supervisor has no command of its own: it starts again what has ended."""
    monkeypatch.setattr(service_manager, "_systemd_runs", lambda: systemd)
    assert service_manager.restart_command("deployhostd", 42) == command


@pytest.mark.parametrize(
    ("systemd", "command"),
    [(True, "journalctl --unit deployhostd --lines 50"), (False, "tail -n 50 /var/log/deployhost/deployhostd.log")],
)
def test_the_log_is_where_the_manager_keeps_it(systemd: bool, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_manager, "_systemd_runs", lambda: systemd)
    assert service_manager.log_command("deployhostd", Path("/var/log/deployhost")) == command
