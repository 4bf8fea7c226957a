"""What plan files say, put together."""

from deployhost.converge.diagnosis import Diagnosis, sentence
from deployhost.steps import Finding, Plan, Severity, Step

GONE = Finding(Severity.ERROR, "it is gone", fix="fetch it")
STEP = Step(what="do", why="it is time")


def test_remarks_keep_their_order() -> None:
    found = Diagnosis((STEP,), ("it is as you wanted",)) + Diagnosis(remarks=(GONE,))
    assert found.notes == ("it is as you wanted", "it is gone: fetch it")
    assert found.findings == (GONE,)
    assert list(found) == [STEP]
    assert found.plan == Plan((STEP,), found.notes)


def test_there_is_something_to_do_only_with_a_step() -> None:
    assert Diagnosis((STEP,))
    assert not Diagnosis(remarks=(GONE,))


def test_sentence() -> None:
    assert sentence(GONE) == "it is gone: fetch it"
    assert sentence(Finding(Severity.WARNING, "what", "why")) == "what; why"
    assert sentence(Finding(Severity.WARNING, "what", "why", "fix")) == "what; why: fix"
