"""A clock that nothing keeps right, or that is earlier than the journal: reported, with a command that fixes it."""

from dataclasses import replace

import pytest

from deployhost.converge.findings.clock_plan import TOLERANCE, ClockFacts
from deployhost.steps import Severity
from deployhost.system.clock import Synchronisation
from tests.fakes.assembled import Server, sha
from tests.fakes.operations import Operations

NOW = 1_750_000_000.0
RIGHT = ClockFacts(at=NOW, newest_entry=NOW - 60, kept=True, systemd=True, installed=True, running="chrony")
WRONG = replace(RIGHT, kept=False, running="")


def test_a_clock_that_is_kept_right() -> None:
    assert list(RIGHT.findings()) == []
    assert list(replace(RIGHT, kept=None).findings()) == [], "in a container, or where that is not permitted"
    assert list(replace(RIGHT, newest_entry=0.0).findings()) == [], "a journal without entries"
    assert list(replace(RIGHT, newest_entry=NOW + TOLERANCE).findings()) == [], "a time daemon set it back a little"


@pytest.mark.parametrize(
    ("facts", "fix"),
    [
        (WRONG, "timedatectl set-ntp true"),
        (replace(WRONG, installed=False), "apt-get install systemd-timesyncd"),
        (replace(WRONG, systemd=False), "apt-get install chrony"),
        (replace(WRONG, running="systemd-timesyncd"), "timedatectl timesync-status"),
        (replace(WRONG, running="chrony"), "chronyc sources"),
    ],
)
def test_not_synchronised(facts: ClockFacts, fix: str) -> None:
    [found] = facts.findings()
    assert (found.severity, found.what, found.fix) == (Severity.WARNING, "the clock is not synchronised", fix)
    assert "backups depend on it" in found.why
    assert ("has not set it" in found.why) is bool(facts.running)


@pytest.mark.parametrize(
    ("behind", "span"), [(6, "6 s"), (119, "119 s"), (150, "2 min"), (7300, "2 h"), (400_000, "5 d")]
)
def test_earlier_than_the_journal(behind: float, span: str) -> None:
    [found] = replace(RIGHT, newest_entry=NOW + behind).findings()
    assert (found.what, found.fix) == (f"the clock is {span} earlier than the journal's newest entry", "")


def test_both() -> None:
    assert [found.fix for found in replace(WRONG, newest_entry=NOW + 60).findings()] == ["timedatectl set-ntp true"] * 2


def test_the_whole_way(server: Server) -> None:
    """Converge notes it, and `status` warns, until it is right again."""
    app, ops = server.add("shop"), Operations(server)
    ops.push(app, sha(1))
    daemon = ops.daemon
    server.synchronisation = Synchronisation(kept=False, systemd=True, installed=True)
    told = (
        "the clock is not synchronised; certificates, the order of deploys and backups depend on it:"
        " timedatectl set-ntp true"
    )
    assert daemon.converge.plan().notes == (told,)
    assert daemon.converge.run().notes == (told,)
    assert [one["message"] for one in ops.ask("app.status")["server"]["warnings"]] == [told]
    [found] = ops.ask("app.status")["server"]["findings"]
    assert (found["what"], found["fix"]) == ("the clock is not synchronised", "timedatectl set-ntp true")
    server.now -= 3 * 3600
    daemon.converge.run()
    [_, earlier] = daemon.converge.findings()
    assert earlier.what == "the clock is 3 h earlier than the journal's newest entry"
    server.now += 3 * 3600
    server.synchronisation = Synchronisation(kept=True)
    assert daemon.converge.run().notes == ()
    assert ops.ask("app.status")["server"]["findings"] == []
    assert ops.ask("app.status")["server"]["warnings"] == []
