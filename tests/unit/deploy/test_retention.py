"""What of an app may go, and what must stay."""

from hypothesis import given
from hypothesis import strategies as st

from deployhost.deploy.retention import KEEP_CONTAINERS, KEEP_RELEASES, Prune, Stopped, prunable
from deployhost.model import Version

REPOSITORY = "127.0.0.1:5555/shop"
VERSIONS = [Version(f"{number:040x}") for number in range(12)]
NOTHING = Prune((), (), ())


def tag(version: Version) -> str:
    return f"{REPOSITORY}:{version}"


def stopped(*numbers: int) -> list[Stopped]:
    return [Stopped(f"c{number}", tag(VERSIONS[number])) for number in numbers]


def test_nothing_there() -> None:
    assert prunable(REPOSITORY, stopped=[], running_images=[], tags=[], releases=[], busy=[]) == NOTHING


def test_everything_is_new() -> None:
    found = prunable(
        REPOSITORY,
        stopped=stopped(4, 3, 2, 1, 0),
        running_images=[tag(VERSIONS[5])],
        tags=[tag(version) for version in VERSIONS[:6]],
        releases=VERSIONS[5::-1],
        busy=[],
    )
    assert found == NOTHING


def test_the_oldest_go() -> None:
    found = prunable(
        REPOSITORY,
        stopped=stopped(7, 6, 5, 4, 3, 2, 1),
        running_images=[tag(VERSIONS[8])],
        tags=[*(tag(version) for version in VERSIONS[:9]), f"{REPOSITORY}:latest"],
        releases=VERSIONS[8::-1],
        busy=[],
    )
    assert found.containers == ("c2", "c1")
    assert found.images == (tag(VERSIONS[0]), tag(VERSIONS[1]), tag(VERSIONS[2]))
    assert found.releases == (VERSIONS[2], VERSIONS[1], VERSIONS[0])


def test_what_is_being_deployed_stays() -> None:
    busy = VERSIONS[0]
    found = prunable(
        REPOSITORY, stopped=stopped(6, 5, 4, 3, 2, 1, 0), running_images=[], tags=[tag(busy)], releases=[], busy=[busy]
    )
    assert found == Prune(("c1",), (), ())


def test_other_repositories_are_not_ours() -> None:
    tags = ["127.0.0.1:5555/shop-2:x", "shop:x", "python:3.13-slim", f"{REPOSITORY}:x"]
    found = prunable(REPOSITORY, stopped=[], running_images=[], tags=tags, releases=[], busy=[])
    assert found.images == (f"{REPOSITORY}:x",)


_some = st.lists(st.sampled_from(range(12)), unique=True)


@given(_some, _some, _some, _some, _some)
def test_what_must_stay_stays(
    halted: list[int], running: list[int], tags: list[int], releases: list[int], busy: list[int]
) -> None:
    found = prunable(
        REPOSITORY,
        stopped=stopped(*halted),
        running_images=[tag(VERSIONS[number]) for number in running],
        tags=[tag(VERSIONS[number]) for number in tags],
        releases=[VERSIONS[number] for number in releases],
        busy=[VERSIONS[number] for number in busy],
    )
    gone = set(found.images)
    kept_containers = [one for one in stopped(*halted) if one.id not in found.containers]
    assert gone.isdisjoint({tag(VERSIONS[number]) for number in (*running, *busy)})
    assert gone.isdisjoint({one.image for one in stopped(*halted)[:KEEP_CONTAINERS]})
    assert gone.isdisjoint({tag(VERSIONS[number]) for number in releases[: KEEP_RELEASES + 1]}), "rollback needs them"
    assert not {one.image for one in kept_containers} & gone, "no container is left without its image"
    assert set(found.releases).isdisjoint({VERSIONS[number] for number in releases[: KEEP_RELEASES + 1]})
    assert len(kept_containers) <= KEEP_CONTAINERS + len(busy)
