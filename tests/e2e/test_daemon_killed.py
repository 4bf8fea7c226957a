"""kill -9 of deployhostd and of a build in the middle of a deploy; tests/soak/kills.py does the same for longer, and to more."""

from collections.abc import Callable

import pytest

from tests.real.ledger import audit
from tests.real.system_under_test import App
from tests.soak.kills import Killing, begun

MakeApp = Callable[[str], App]
SEED = 20261123
STEPS = {"overlap": ("build", "start", "switch"), "handover": ("hold", "stop", "switch")}


@pytest.mark.parametrize("strategy", STEPS)
def test_killed(make_app: MakeApp, strategy: str) -> None:
    app = make_app("sqlite")
    load = begun(app, strategy, 60)
    killing = Killing(app, strategy, load, SEED)
    for stage in STEPS[strategy]:
        killing.at_stage("daemon", stage)
    killing.at_stage("build", "build")
    report = load.stop()
    assert [kill.problems for kill in killing.kills] == [[]] * 4, killing.kills
    assert report.failures == 0, report
    assert audit(app, load.acknowledged).right
