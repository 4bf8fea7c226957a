"""What followers of a deploy are told, and what the journal keeps of it: stages with their times, and never a secret."""

from pathlib import Path
from typing import Any

import pytest

from deployhost.errors import FileProblem
from deployhost.journal.deploys import Deploys
from deployhost.journal.event_log import EventLog
from deployhost.journal.telling import LONGEST_LINE, Progress
from deployhost.model import HIDDEN, AppName, Secret, Sha, Trigger

SECRET = Secret("correct horse")


class Telling:
    """The progress of a deploy, and what becomes of it."""

    def __init__(self, deploys: Deploys, events: EventLog) -> None:
        self.deploys, self.events = deploys, events
        self.number = deploys.accept(AppName("shop"), Sha("1" * 40), trigger=Trigger.PUSH).id
        self.progress = Progress(self.number, deploys, events, [SECRET])

    @property
    def told(self) -> list[Any]:
        return list(self.events.follow(self.number, lambda: True))


@pytest.fixture
def telling(deploys: Deploys, tmp_path: Path) -> Telling:
    return Telling(deploys, EventLog(tmp_path / "events"))


def test_a_stage(telling: Telling) -> None:
    with telling.progress.stage("build", detail="python"):
        telling.progress.output("Step 1")
    began, output, ended = telling.told
    assert began == {"event": "stage", "stage": "build", "state": "start", "detail": "python"}
    assert output == {"event": "output", "stage": "build", "line": "Step 1"}
    assert (ended["stage"], ended["state"]) == ("build", "done")
    assert [(phase.name, phase.ms) for phase in telling.deploys.get(telling.number).phases] == [("build", ended["ms"])]


def test_a_stage_that_fails_has_no_time_in_the_journal(telling: Telling) -> None:
    with pytest.raises(ValueError, match="no"), telling.progress.stage("build"):
        raise ValueError("no")
    assert [event["state"] for event in telling.told] == ["start", "failed"]
    assert telling.deploys.get(telling.number).phases == ()


def test_what_it_took_is_no_reason_to_fail(telling: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise FileProblem("no space left on device")

    monkeypatch.setattr(telling.deploys, "timed", full)
    with telling.progress.stage("build"):
        pass
    assert telling.told[-1]["state"] == "done"


def test_no_secret_is_told(telling: Telling) -> None:
    later = Secret("battery staple")
    telling.progress.output(f"the password is {SECRET.reveal()}, and {later.reveal()}")
    telling.progress.conceal([later])
    telling.progress.note(f"{SECRET.reveal()} {later.reveal()}")
    output, note = telling.told
    assert output["line"] == f"the password is {HIDDEN}, and {later.reveal()}"
    assert note["text"] == f"{HIDDEN} {HIDDEN}"


def test_a_line_is_cut_once_it_has_no_secrets(telling: Telling) -> None:
    beside = "x" * (LONGEST_LINE - 4)
    telling.progress.output(beside + SECRET.reveal())
    telling.progress.output("y" * (LONGEST_LINE + 1))
    half, long = (event["line"] for event in telling.told)
    assert SECRET.reveal()[:4] not in half
    assert long == f"{'y' * LONGEST_LINE}… (1 more character)"
