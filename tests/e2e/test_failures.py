"""A push that can't work leaves the old version serving, ends with exit code 1, and says why."""

from collections.abc import Callable

import pytest

from tests.real.load import Load, Target
from tests.real.system_under_test import App, ask, eventually

MakeApp = Callable[[str], App]

CAUSES = {
    "broken_build": ("build_failed", ["/nowhere/no-such-package"]),
    "crash_at_boot": ("boot_failed", ["exit code 1", "DATABASE_URL is not set"]),
    "loopback_only": ("boot_failed", ["127.0.0.1"]),
    "health_500": ("boot_failed", ["500", "no such table: users"]),
}


@pytest.mark.parametrize("sample", list(CAUSES))
def test_failure(make_app: MakeApp, sample: str) -> None:
    code, causes = CAUSES[sample]
    app = make_app("stdlib")
    app.push()
    serving = app.containers()
    load = Load(Target(app.host, port=app.http_port), rate=20, allowed=[b"stdlib one\n"]).start()
    app.use(sample, "two")
    pushed = app.push(check=False)
    report = load.stop()

    assert pushed.code == 1, pushed.said
    for cause in causes:
        assert cause in pushed.said
    assert report.failures == 0, report
    assert app.body() == "stdlib one\n"
    eventually(lambda: app.containers() == serving, within=15, what="nothing is left running of what failed")

    status = app.status()
    assert (status["state"], status["live"]["subject"]) == ("live", "one")
    assert status["last_deploy"]["status"] == "failed"
    assert status["last_deploy"]["error"]["code"] == code
    assert status["last_deploy"]["error"]["hint"]

    app.use("stdlib", "three")
    app.push()
    assert app.body() == "stdlib three\n"


def test_nothing_recognised(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    for name in ("main.py", "Procfile", "requirements.txt"):
        (app.tree / name).unlink()
    app.commit("only a text")
    pushed = app.push(check=False)
    assert pushed.code == 1
    assert "requirements.txt" in pushed.said, "it says what was looked for"
    assert ask("status", app.name)["apps"][0]["last_deploy"]["error"]["code"] == "nothing_recognised"
