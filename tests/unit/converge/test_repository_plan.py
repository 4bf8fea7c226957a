"""What becomes of repositories that no app owns."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from deployhost.converge.findings.repository_plan import (
    RemoveRepository,
    RepositoryFacts,
    is_unwanted,
    repositories,
)
from deployhost.model import AppName

LEFT = RepositoryFacts(app=AppName("old"), path="/repos/old.git", listed=False, owned=False, empty=True)
SEEN = st.builds(
    RepositoryFacts,
    app=st.sampled_from([AppName("a"), AppName("b"), AppName("c")]),
    path=st.just("/repos/x.git"),
    listed=st.booleans(),
    owned=st.booleans(),
    empty=st.booleans(),
    busy=st.booleans(),
)


def test_left_behind() -> None:
    plan = repositories([LEFT])
    assert plan.notes == ()
    [step] = plan
    assert isinstance(step, RemoveRepository)
    assert (step.what, step.app) == ("delete the repository /repos/old.git", "old")
    assert step.why == "no app uses it, and it holds no commit"


def test_with_commits() -> None:
    plan = repositories([replace(LEFT, empty=False)])
    assert plan.steps == ()
    [note] = plan.notes
    assert note == (
        "no app uses the repository /repos/old.git, which holds commits; to delete it: deployhost remove old;"
        " to have it as an app again: deployhost add old"
    )


@given(st.lists(SEEN))
def test_nothing_of_an_app_is_touched(seen: list[RepositoryFacts]) -> None:
    plan = repositories(seen)
    loose = [one for one in seen if not one.listed and not one.owned]
    goes = [one for one in loose if one.empty and not one.busy]
    assert [step.app for step in plan if isinstance(step, RemoveRepository)] == [one.app for one in goes]
    assert len(plan.notes) == len([one for one in loose if not one.empty])
    assert [one for one in seen if is_unwanted(one)] == goes
