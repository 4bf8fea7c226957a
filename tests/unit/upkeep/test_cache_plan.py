"""Which records of BuildKit's cache are ours, and which of them go."""

from hypothesis import given
from hypothesis import strategies as st

from deployhost.model import Span
from deployhost.upkeep.cache_plan import ROOM, Cached, ours, surplus

MIB = 1024**2


def record(name: str, *, created: float = 0, used: float = 0, size: int = MIB, free: bool = True) -> Cached:
    return Cached(name, size, free, created, used)


def test_only_what_came_to_be_during_a_build_of_ours_is_ours() -> None:
    spans = [Span(100, 110), Span(200, 220)]
    times = {"before": 99.9, "first": 100, "last": 110, "between": 150, "second": 205, "after": 220.1}
    mine = ours([record(name, created=time) for name, time in times.items()], spans)
    assert [one.id for one in mine] == ["first", "last", "second"]
    assert ours([record("a", created=5)], []) == []


def test_a_short_build_within_a_long_one_hides_nothing() -> None:
    assert ours([record("a", created=150)], [Span(100, 200), Span(120, 130)]) != []


def test_what_was_used_longest_ago_goes_first_until_there_is_room() -> None:
    records = [record(str(number), used=number) for number in range(10)]
    assert surplus(records, 10 * MIB) == []
    assert [one.id for one in surplus(records, 9 * MIB)] == ["0", "1", "2"], (
        "to four fifths, not again at the next build"
    )
    assert len(surplus(records, 0)) == 10


def test_what_is_in_use_or_shared_with_an_image_stays_and_does_not_count() -> None:
    records = [record("image", free=False, size=500 * MIB), record("a", used=1), record("b", used=2)]
    assert surplus(records, 2 * MIB) == []
    assert {one.id for one in surplus(records, 0)} == {"a", "b"}


_records = st.lists(
    st.builds(Cached, st.text(max_size=3), st.integers(0, 1000), st.booleans(), st.floats(0, 100), st.floats(0, 100)),
    max_size=20,
)
_spans = st.lists(
    st.tuples(st.floats(0, 100), st.floats(0, 30)).map(lambda one: Span(one[0], one[0] + one[1])), max_size=6
)


@given(_records, _spans)
def test_ours_as_one_would_say_it_slowly(records: list[Cached], spans: list[Span]) -> None:
    expected = [one for one in records if any(span.start <= one.created <= span.end for span in spans)]
    assert ours(records, spans) == expected


@given(_records, st.integers(0, 5000))
def test_what_is_left_fits(records: list[Cached], budget: int) -> None:
    gone = surplus(records, budget)
    left = sum(one.size for one in records if one.free) - sum(one.size for one in gone)
    assert left <= budget
    assert all(one.free for one in gone)
    assert not gone or left + gone[-1].size > budget * ROOM, "no more than it takes"
