"""What removing an app deletes."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from deployhost.apps.remove_plan import RemovalFacts, RemoveContainers, RemoveImages, RemoveStorage, plan_removal
from deployhost.model import AppName, Domain, RepositoryName

FACTS = RemovalFacts(
    app=AppName("shop"),
    urls=["http://shop.localhost", "http://shop.example.com"],
    containers=["c1", "c2"],
    images=["i1"],
    variables=["A", "B"],
    repository=Path("/repos/shop.git"),
    storage=Path("/storage/shop"),
    has_storage=True,
)


def steps(facts: RemovalFacts, *, with_storage: bool) -> list[str]:
    return [type(step).__name__ for step in plan_removal(facts, with_storage=with_storage)]


def test_everything() -> None:
    plan = plan_removal(FACTS, with_storage=True)
    assert [step.what for step in plan] == [
        "stop answering at http://shop.localhost, http://shop.example.com",
        "delete 2 containers of shop",
        "delete 1 image of shop",
        "delete the repository /repos/shop.git and its 2 environment variables",
        "delete the data in /storage/shop",
        "take shop out of apps.yml",
    ]
    assert all(step.why for step in plan)
    assert plan.notes == ()
    assert [step.containers for step in plan if isinstance(step, RemoveContainers)] == [("c1", "c2")]
    assert [step.images for step in plan if isinstance(step, RemoveImages)] == [("i1",)]


def test_where_its_commits_are() -> None:
    told = [step.why for step in plan_removal(FACTS, with_storage=True)]
    assert "the commits stay in the clones that pushed them" in told
    told = [step.why for step in plan_removal(replace(FACTS, source=RepositoryName("acme/shop")), with_storage=True)]
    assert "the commits stay in acme/shop on GitHub" in told


def test_its_records() -> None:
    one, two = Domain("a.example.com"), Domain("b.example.com")
    told = [step.what for step in plan_removal(replace(FACTS, records=[one]), with_storage=True)]
    assert told[1] == "delete the DNS record of a.example.com"
    told = [step.what for step in plan_removal(replace(FACTS, records=[one, two]), with_storage=True)]
    assert told[1] == "delete the DNS records of a.example.com, b.example.com"


def test_one_variable() -> None:
    told = [step.what for step in plan_removal(replace(FACTS, variables=["A"]), with_storage=True)]
    assert "delete the repository /repos/shop.git and its environment variable" in told


def test_storage_stays_unless_asked() -> None:
    plan = plan_removal(FACTS, with_storage=False)
    assert not [step for step in plan if isinstance(step, RemoveStorage)]
    assert plan.notes == ("the data in /storage/shop stays; --storage deletes it too",)


def test_app_that_never_ran() -> None:
    facts = replace(FACTS, containers=[], images=[], variables=[], has_storage=False)
    assert steps(facts, with_storage=True) == ["RemoveRoute", "RemoveFiles", "RemoveSettings"]


@given(st.booleans(), st.booleans(), st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_order(storage: bool, with_storage: bool, containers: list[str], images: list[str]) -> None:
    """Requests stop first; the settings go last, so that an interrupted removal can be run again."""
    facts = replace(FACTS, has_storage=storage, containers=containers, images=images)
    names = steps(facts, with_storage=with_storage)
    assert names[0] == "RemoveRoute"
    assert names[-1] == "RemoveSettings"
    assert ("RemoveStorage" in names) is (storage and with_storage)
    if containers and images:
        assert names.index("RemoveContainers") < names.index("RemoveImages")
