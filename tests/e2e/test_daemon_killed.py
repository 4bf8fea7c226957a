"""kill -9 of deployhostd in the middle of a deploy; tests/soak/kill_daemon.py does the same for longer."""

from collections.abc import Callable

from tests.soak.kill_daemon import STAGES, rounds
from tests.system_under_test import App

MakeApp = Callable[[str], App]


def test_killed(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    kills, report = rounds(app, STAGES, 1, seed=20261123)
    assert [kill.problems for kill in kills] == [[], [], []], kills
    assert report.failures == 0, report
