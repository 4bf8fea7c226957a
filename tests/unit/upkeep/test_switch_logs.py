"""Logs of switches that nobody reads any more go."""

import os
from pathlib import Path

from deployhost.paths import Paths
from deployhost.upkeep.switch_logs import READ, SwitchLogs


def test_logs_that_nobody_reads(tmp_path: Path) -> None:
    paths, now = Paths(tmp_path), 1_750_000_000.0
    logs = SwitchLogs(paths, lambda: now)
    logs.keep()  # there may be nothing yet
    paths.run.mkdir(parents=True)
    ages = {"switch-a-1.log": READ + 1, "switch-b-2.log": READ - 1, "deployhostd.lock": READ + 1}
    for name, age in ages.items():
        (paths.run / name).touch()
        os.utime(paths.run / name, (now - age, now - age))
    logs.keep()
    assert sorted(one.name for one in paths.run.iterdir()) == ["deployhostd.lock", "switch-b-2.log"]
