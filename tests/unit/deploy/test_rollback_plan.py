"""Which release a rollback goes back to."""

import contextlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.deploy.rollback_plan import RollbackCandidate, choose
from deployhost.errors import Conflict, NotFound
from deployhost.model import AppName, Release, Version
from tests.fakes.assembled import sha

SHOP = AppName("shop")


def release(version: str, since: float, *, live: bool = False, failed: str = "", image: str = "") -> Release:
    made = Version(version)
    return Release(
        SHOP, made, made.sha, "subject", image or f"image of {made.sha}", "c", 80, 1, since, live, failed=failed
    )


def one(
    number: int, since: float, *, again: str = "", of: Version | None = None, there: bool = True, **more: bool | str
) -> RollbackCandidate:
    return RollbackCandidate(release(sha(number) + again, since, **more), there, of)  # type: ignore[arg-type]


def chosen(candidates: Sequence[RollbackCandidate], wanted: str | None = None) -> str:
    return choose(SHOP, candidates, wanted).release.version


def test_the_one_before() -> None:
    assert chosen([one(3, 3, live=True), one(2, 2), one(1, 1)]) == sha(2)


def test_what_can_not_be_gone_back_to_is_left_out() -> None:
    found = [
        one(5, 5, live=True),
        one(5, 4, again="-2"),
        one(4, 3, failed="it crashed"),
        one(3, 2, there=False),
        one(2, 1),
    ]
    assert chosen(found) == sha(2)


def test_twice_is_further_back() -> None:
    """Not to the release that one has just gone back from."""
    back = [one(2, 4, again="-2", of=Version(sha(2)), live=True), one(3, 3), one(2, 2), one(1, 1)]
    assert chosen(back) == sha(1)
    restarted = [
        one(2, 5, again="-3", of=Version(sha(2) + "-2"), live=True),
        *[RollbackCandidate(release(sha(2) + "-2", 4), True, Version(sha(2)))],
    ]
    assert chosen([*restarted, *back[1:]]) == sha(1)
    with pytest.raises(NotFound, match="no earlier release"):
        chosen(back[:3])
    with pytest.raises(NotFound, match="no earlier release"):
        chosen([back[0], back[1]])  # the one it was is forgotten: all that are left are newer


def test_the_same_commit_built_anew() -> None:
    rebuilt = [one(1, 2, again="-2", live=True, image="new"), one(1, 1, image="old")]
    assert chosen(rebuilt) == sha(1)
    with pytest.raises(NotFound, match="no earlier release"):
        chosen([one(1, 2, again="-2", live=True), one(1, 1)])


def test_nothing_is_live() -> None:
    with pytest.raises(NotFound, match="no live release") as failed:
        chosen([one(1, 1)])
    assert failed.value.hint == "deployhost deploy shop"


def test_named() -> None:
    first, second = Version("abcd" + "0" * 36), Version("abcd" + "1" * 36)
    again = Version(first + "-2")
    found = [RollbackCandidate(release(sha(9), 4, live=True), True)]
    found += [
        RollbackCandidate(release(version, 3 - place), True) for place, version in enumerate((again, second, first))
    ]
    assert chosen(found, first) == first
    assert chosen(found, again) == again
    assert chosen(found, "abcd000-2") == again
    assert chosen(found, "ABCD000") == first
    assert chosen(found, "abcd1") == second
    assert chosen(found, "abcd00") == again, "of several of one commit the newest"
    with pytest.raises(Conflict, match="several") as ambiguous:
        chosen(found, "abcd")
    assert len(ambiguous.value.details) == 3
    for wrong in ("abc", "beef", "", "-2", "--help", "$(id)"):
        with pytest.raises(NotFound, match="no release"):
            chosen(found, wrong)
    with pytest.raises(Conflict, match="already live"):
        chosen(found, sha(9))


def test_named_and_its_image_is_gone() -> None:
    """Another release of the same commit will do; without one it has to be built."""
    live = one(9, 9, live=True)
    assert chosen([live, one(1, 2, again="-2"), one(1, 1, there=False)], sha(1)) == sha(1) + "-2"
    with pytest.raises(NotFound, match="build it again") as gone:
        chosen([live, one(1, 1, there=False)], sha(1))
    assert gone.value.hint == f"deployhost deploy shop {sha(1).short}"


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.sampled_from(["", "it crashed"])), min_size=1),
    st.text(max_size=8),
)
def test_never_what_is_live_or_gone(made: list[tuple[int, bool, str]], wanted: str) -> None:
    versions: set[str] = set()
    found = []
    for place, (number, there, failed) in enumerate(reversed(made)):
        version = f"{sha(number)}-{place + 2}"
        versions.add(version)
        found.append(RollbackCandidate(release(version, place, failed=failed), there))
    found[-1] = RollbackCandidate(release(found[-1].release.version, len(made), live=True), True)
    for name in (None, wanted):
        with contextlib.suppress(NotFound, Conflict):  # what it raises otherwise is a defect
            back = choose(SHOP, list(reversed(found)), name)
            assert back.has_image
            assert not back.release.is_live
            assert name is not None or not back.release.failed
