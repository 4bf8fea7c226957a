"""What goes wrong in the daemon's rounds: logged once, in `status` while it lasts, and told by `deployhost converge`."""

import pytest

from deployhost.daemon.operations import apps
from deployhost.daemon.troubles import SHOWN, Troubles
from deployhost.errors import DeployhostError, DockerUnavailable, InvalidConfig, SwitchFailed
from tests.fakes.assembled import Server


class Round:
    """What is done again and again, and may go wrong."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __call__(self) -> None:
        if self.error is not None:
            raise self.error


def test_it_lasts_until_it_goes_well(caplog: pytest.LogCaptureFixture) -> None:
    troubles, round_ = Troubles(lambda: 0.0), Round()
    assert troubles.went_well("converging", round_)
    assert troubles.now("") == []
    round_.error = SwitchFailed("no network", hint="deployhost setup --local")
    for _ in range(3):
        assert not troubles.went_well("converging", round_)
    assert caplog.messages == ["converging: no network"], "it is logged once"
    assert troubles.now("", "apps can reach each other") == [
        {"message": "converging: no network", "hint": "deployhost setup --local"},
        {"message": "apps can reach each other", "hint": ""},
    ]
    round_.error = DeployhostError("something else")
    troubles.went_well("converging", round_)
    assert [one["message"] for one in troubles.now()] == ["converging: something else"]
    round_.error = None
    assert troubles.went_well("converging", round_)
    assert troubles.now() == []


def test_what_is_the_same_is_shown_once() -> None:
    """An engine that is away concerns every round; a mistake in apps.yml is in every answer already."""
    troubles, round_ = Troubles(lambda: 0.0), Round()
    round_.error = DockerUnavailable("the Docker engine does not answer", hint="deployhost setup --local")
    for what in ("converging", "isolating"):
        troubles.went_well(what, round_)
    assert [one["message"] for one in troubles.now()] == ["converging: the Docker engine does not answer"]
    round_.error = InvalidConfig("apps.yml is broken")
    for what in ("converging", "isolating", "refreshing hooks"):
        troubles.went_well(what, round_)
    assert troubles.now() == []


def test_a_defect_is_shown_too(caplog: pytest.LogCaptureFixture) -> None:
    troubles, round_ = Troubles(lambda: 0.0), Round()
    round_.error = KeyError("port")
    assert not troubles.went_well("converging", round_)
    assert "converging failed" in caplog.text
    [shown] = troubles.now()
    assert shown == {"message": "converging: a defect of deployhost: KeyError('port')", "hint": "deployhost converge"}
    assert not troubles.went_well("once", round_, shown=False)
    assert troubles.now() == [shown]


def test_a_defect_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback; another one is another."""
    troubles, round_ = Troubles(lambda: 0.0), Round()
    for defect in (KeyError("port"), KeyError("port"), ValueError("x"), ValueError("x")):
        round_.error = defect
        troubles.went_well("converging", round_)
    assert caplog.messages == ["converging failed", "converging failed"]
    assert caplog.text.count("Traceback") == 2
    assert troubles.lasting("converging") == "a defect of deployhost: ValueError('x')"


def test_what_is_not_done_any_more() -> None:
    troubles, round_ = Troubles(lambda: 0.0), Round()
    round_.error = DeployhostError("no room")
    troubles.went_well("backing up shop", round_)
    assert troubles.lasting("backing up shop") == "no room"
    assert troubles.lasting("backing up blog") == ""
    troubles.forget("backing up shop")
    troubles.forget("backing up blog")
    assert troubles.now() == []


def test_what_was_mended_is_shown_for_a_while() -> None:
    now = 0.0
    troubles = Troubles(lambda: now)
    troubles.mended("the journal was written anew")
    now = SHOWN - 1
    assert troubles.now() == [{"message": "the journal was written anew", "hint": ""}]
    now = SHOWN
    assert troubles.now() == []


def test_converge_says_what_was_mended_and_what_can_not_be(server: Server) -> None:
    app, daemon = server.add("shop"), server.start()
    exposed = "apps can reach each other: iptables is not installed"
    daemon.isolation.problem = exposed

    def converge(**request: object) -> list[str]:
        notes: list[str] = apps.converge(daemon, dict(request), lambda _: None)["notes"]
        return notes

    server.paths.journal.unlink()
    assert converge(dry_run=True) == [exposed]
    assert converge(name=app) == [exposed]
    assert not server.paths.journal.exists(), "one app is not all of the server"
    mended, *others = converge()
    assert "written anew" in mended
    assert others == [exposed]
    assert [one["message"] for one in daemon.troubles.now()] == [mended]
