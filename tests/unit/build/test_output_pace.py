"""Output that comes faster than it is told: the end of it is kept, and how much is missing."""

from deployhost.build.output_pace import A_SECOND, MOST_MARKED, TAIL, OutputPace, left_out


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_usual_output_is_told_as_it_comes() -> None:
    time = Time()
    pace = OutputPace(time)
    for number in range(10 * A_SECOND):
        time.now += 1 / A_SECOND
        assert pace.take(str(number)) == [str(number)]
    assert pace.rest() == []
    assert pace.dropped == 0


def test_a_flood_is_told_in_part() -> None:
    """10,000 lines a second for a minute."""
    time = Time()
    pace = OutputPace(time)
    told: list[str] = []
    for number in range(600_000):
        told += pace.take(str(number))
        time.now += 0.0001
    told += pace.rest()
    assert told[-1] == "599999", "the last lines say why something failed"
    assert len(told) <= 61 * (A_SECOND + TAIL)
    assert [int(line) for line in told] == sorted(int(line) for line in told)
    assert len(told) + pace.dropped == 600_000


def test_what_the_output_belongs_to_is_not_dropped() -> None:
    pace = OutputPace(Time())
    for number in range(2 * A_SECOND):
        pace.take(str(number))
    assert pace.take("#7 ERROR: it failed", marked=True) == ["#7 ERROR: it failed"]
    for _ in range(MOST_MARKED - 1):
        pace.take("#8 step", marked=True)
    assert pace.take("#8 step", marked=True) == [], "nor without bounds"


def test_how_much_is_missing_is_said() -> None:
    assert left_out(1) == "  … 1 line left out"
    assert left_out(9480) == "  … 9,480 lines left out"
