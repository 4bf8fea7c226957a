"""No request fails because of a deploy: 20 pushes in a row under 100 requests a second."""

import threading
from collections.abc import Callable

from tests.real.load import Load, Target
from tests.real.system_under_test import App, Page, ask

MakeApp = Callable[[str], App]
PUSHES = 20
SLOW = 20  # seconds


def test_pushes(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    slow: list[Page] = []
    asking = threading.Thread(target=lambda: slow.append(app.get(f"/slow?s={SLOW}", timeout=SLOW + 20)), daemon=True)
    load = Load(Target(app.host, port=app.http_port), rate=100, allowed=[b"stdlib one\n"]).start()
    asking.start()
    for number in range(PUSHES):
        load.allow(f"stdlib push-{number}\n".encode())
        app.set_version(f"push-{number}")
        app.push()
        assert app.body() == f"stdlib push-{number}\n"
    report = load.stop()
    asking.join()

    assert report.failures == 0, report
    assert report.statuses == {"200": report.sent}
    assert len(report.bodies) == PUSHES + 1, "every version was seen"
    assert (slow[0].status, slow[0].body) == (200, "slow one\n"), (
        "a request that began before the pushes ended as it began"
    )


def test_settings_and_restart(make_app: MakeApp) -> None:
    app = make_app("stdlib")
    app.push()
    load = Load(Target(app.host, port=app.http_port), rate=100, allowed=[b"stdlib one\n"]).start()
    ask("env", "set", app.name, "GREETING=hello")
    ask("domains", "add", app.name, f"{app.name}.example.com")
    ask("storage", "enable", app.name)
    ask("restart", app.name)
    report = load.stop()
    assert report.failures == 0, report
    assert report.sent > 0


def test_writes(make_app: MakeApp) -> None:
    """Old and new release write to one SQLite file during the switch: no write fails, none is lost."""
    app = make_app("sqlite")
    ask("storage", "enable", app.name)
    app.push()
    bodies = [f"count {number}\n".encode() for number in range(1, 2001)]
    load = Load(Target(app.host, "/add", port=app.http_port), rate=40, allowed=bodies, most_requests=1500).start()
    for number in range(3):
        app.set_version(f"push-{number}")
        app.push()
    report = load.stop()
    assert report.failures == 0, report
    assert set(report.bodies.values()) == {1}, "no number was given twice"
    assert app.body("/add") == f"count {report.sent + 1}\n"
