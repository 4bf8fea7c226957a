"""Which command restarts a service, by whoever keeps it running."""

import pytest

from deployhost.system import service_manager


@pytest.mark.parametrize(("systemd", "command"), [(True, "systemctl restart deployhostd"), (False, "kill 42")])
def test_the_restart_is_the_managers(systemd: bool, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our supervisor has no command of its own: it starts again what has ended."""
    monkeypatch.setattr(service_manager, "_systemd_runs", lambda: systemd)
    assert service_manager.restart_command("deployhostd", 42) == command
