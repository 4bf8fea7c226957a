"""Both strategies under 200 requests a second, half of them SQLite writes; tests/soak/deploys_under_load.py is the long one."""

from collections.abc import Callable

import pytest

from tests.real.load import Target
from tests.real.streams import Follower
from tests.real.system_under_test import App, eventually
from tests.soak.deploys_under_load import burst, deploys_under_load, prepared

MakeApp = Callable[[str], App]
DEPLOYS, RATE = 5, 200
DRAIN = 6  # seconds


@pytest.mark.parametrize("strategy", ["overlap", "handover"])
def test_no_request_fails_and_no_write_is_lost(make_app: MakeApp, strategy: str) -> None:
    app = make_app("sqlite")
    app.configure(drain=2 * DRAIN)
    prepared(app, strategy)
    outcome = deploys_under_load(app, strategy, DEPLOYS, RATE, long=DRAIN)
    assert outcome.problems == [], outcome


def test_eleven_pushes_make_two_builds(make_app: MakeApp) -> None:
    app = make_app("sqlite")
    prepared(app, "handover")
    assert burst(app).problems == []


def test_what_lasts_ends_with_the_drain(make_app: MakeApp) -> None:
    """Nothing is buffered. A chunked body and server-sent events go on until the drain ends; kamal-proxy cuts websockets at once."""
    app = make_app("sqlite")
    app.configure(drain=DRAIN)
    prepared(app, "overlap")
    follower = Follower(Target(app.host, port=app.http_port))
    eventually(follower.begun, within=10, what="every stream has begun")
    app.set_version("two")
    app.push()
    eventually(lambda: app.body() == "sqlite two\n", within=5, what="the new one answers")
    streams = follower.wait(DRAIN + 20)
    for stream in streams.values():
        lasted = stream.ended - stream.began
        print(f"{stream.kind}: {len(stream.parts)} parts, {stream.how} after {lasted:.1f} s")
        assert stream.longest_gap < 1, f"{stream.kind} was buffered: {stream.longest_gap:.2f} s between two parts"
        assert {part.rpartition(" ")[0] for part in stream.parts} <= {"one", "data: one"}
    after = {kind: stream.ended - streams["socket"].ended for kind, stream in streams.items()}
    assert DRAIN - 1 < after["stream"] < DRAIN + 6
    assert DRAIN - 1 < after["events"] < DRAIN + 6
