"""Which number an app gets: its own for ever, and no account's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.containers.uid_plan import FIRST, LAST, choose_uid, read_uid

RANGES = st.builds(lambda start, count: range(start, start + count), st.integers(0, 2**21), st.integers(0, 2**17))


@given(st.sets(st.integers(FIRST, FIRST + 50)), st.lists(RANGES, max_size=5), st.sets(st.integers(FIRST, FIRST + 50)))
def test_it_is_nobodys(taken: set[int], ranges: list[range], accounts: set[int]) -> None:
    uid = choose_uid(taken, ranges, accounts.__contains__)
    assert FIRST <= uid <= LAST
    assert uid not in taken | accounts
    assert not any(uid in one for one in ranges)


def test_one_after_the_other() -> None:
    assert choose_uid((), (), lambda _: False) == 2**20
    assert choose_uid({FIRST}, [range(FIRST + 1, FIRST + 65537)], lambda _: False) == FIRST + 65537


def test_there_is_none_left() -> None:
    with pytest.raises(ValueError, match="no uid left"):
        choose_uid((), [range(FIRST, 2**32)], lambda _: False)


@pytest.mark.parametrize(
    ("label", "uid"),
    [
        ("1048576", FIRST), ("2147483646", LAST), ("1048575", None), ("2147483647", None), ("0", None), ("", None), ("10001", None),
        ("-1048577", None), ("1048577.0", None), ("1_048_577", None), ("١٠٤٨٥٧٧", None), (" 1048577", None), ("9" * 5000, None),
    ],
)  # fmt: skip
def test_labels_are_bounded(label: str, uid: int | None) -> None:
    assert read_uid(label) == uid
