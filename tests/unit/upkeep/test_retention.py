"""What of an app may go, and what must stay."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from deployhost.model import Version
from deployhost.upkeep.retention import KEEP_FAILED, KEEP_RELEASES, Found, Prune, prunable

REPOSITORY = "127.0.0.1:5555/shop"
VERSIONS = [Version(f"{number:040x}") for number in range(12)]
NOTHING = Prune()


def tag(version: str) -> str:
    return f"{REPOSITORY}:{version}"


def containers(numbers: Iterable[int], process: str = "web", *, running: bool = False) -> list[Found]:
    return [Found(f"{process}{number}", process, VERSIONS[number], running) for number in numbers]


def tags(numbers: Iterable[int]) -> list[str]:
    return [tag(VERSIONS[number]) for number in numbers]


def images_of(versions: Iterable[Version]) -> dict[Version, str]:
    """Return releases that each have an image of their own."""
    return {version: f"image of {version}" for version in versions}


def test_nothing_there() -> None:
    assert not prunable(REPOSITORY, containers=[], tags=[], releases=images_of([]), busy=[])


def test_everything_is_new() -> None:
    found = prunable(
        REPOSITORY,
        containers=[*containers([5], running=True), *containers([4, 3, 2, 1, 0])],
        tags=tags(range(6)),
        releases=images_of(VERSIONS[5::-1]),
        busy=[],
    )
    assert found == NOTHING


def test_the_oldest_go_and_kamal_can_go_back_to_what_stays() -> None:
    """Kamal goes back to a version that has a container of each process, and its image."""
    processes = [
        *containers([8], running=True),
        *containers([8], "worker", running=True),
        *containers(range(7, -1, -1)),
        *containers(range(7, -1, -1), "worker"),
    ]
    found = prunable(
        REPOSITORY,
        containers=processes,
        tags=[*tags(range(9)), f"{REPOSITORY}:latest"],
        releases=images_of(VERSIONS[8::-1]),
        busy=[],
    )
    assert set(found.containers) == {"web2", "web1", "web0", "worker2", "worker1", "worker0"}
    assert found.images == tuple(tags([0, 1, 2]))
    assert found.releases == (VERSIONS[2], VERSIONS[1], VERSIONS[0])


def test_of_what_was_never_live_the_newest_is_kept_for_its_output() -> None:
    found = prunable(
        REPOSITORY,
        containers=[*containers([9, 8, 7, 6]), *containers([9, 8, 7, 6], "worker"), *containers([5], running=True)],
        tags=tags([5, 6, 7, 8, 9]),
        releases=images_of([VERSIONS[5]]),
        busy=[],
    )
    assert set(found.containers) == {"web7", "web6", "worker7", "worker6"}
    assert found.images == tuple(tags([6, 7]))


def test_what_is_being_deployed_or_gone_back_to_stays() -> None:
    releases = VERSIONS[11:0:-1]
    found = prunable(
        REPOSITORY,
        containers=containers(range(11, -1, -1)),
        tags=tags(range(12)),
        releases=images_of(releases),
        busy=VERSIONS[:2],
    )
    assert not {"web0", "web1"} & set(found.containers)
    assert not set(tags([0, 1])) & set(found.images)
    assert VERSIONS[1] not in found.releases
    assert "web2" in found.containers


def test_a_container_that_was_replaced_by_one_of_the_same_version_goes() -> None:
    """`kamal redeploy` of a version renames the one that is there; one is enough to go back."""
    same = [Found(name, "web", VERSIONS[1], running) for name, running in (("new", True), ("old", False))]
    found = prunable(REPOSITORY, containers=same, tags=tags([1]), releases=images_of([VERSIONS[1]]), busy=[])
    assert found == Prune(containers=("old",))
    held = prunable(
        REPOSITORY, containers=same, tags=tags([1]), releases=images_of([VERSIONS[1]]), busy=[], needed=["old"]
    )
    assert held == NOTHING


def test_restarts_and_settings_take_no_place() -> None:
    """Ten releases of one image count once; the journal remembers them, their containers and tags go."""
    same = {VERSIONS[number]: "one image" for number in range(11, 1, -1)}
    releases = {**same, VERSIONS[1]: "before", VERSIONS[0]: "first"}
    found = prunable(
        REPOSITORY,
        containers=[*containers([11], running=True), *containers(range(10, -1, -1))],
        tags=tags(range(12)),
        releases=releases,
        busy=[],
    )
    assert set(found.containers) == {f"web{number}" for number in range(2, 11)}
    assert set(found.images) == set(tags(range(2, 11)))
    assert found.releases == ()


def test_other_repositories_are_not_ours() -> None:
    others = ["127.0.0.1:5555/shop-2:x", "shop:x", "python:3.13-slim", f"{REPOSITORY}:x"]
    found = prunable(REPOSITORY, containers=[], tags=others, releases=images_of([]), busy=[])
    assert found.images == (f"{REPOSITORY}:x",)


_some = st.lists(st.sampled_from(range(12)), unique=True)


@given(_some, _some, _some, _some, _some, st.booleans())
def test_what_must_stay_stays(
    halted: list[int], running: list[int], tagged: list[int], released: list[int], busy: list[int], workers: bool
) -> None:
    there = [*containers(running, running=True), *containers([one for one in halted if one not in running])]
    if workers:
        there += [Found(one.id.replace("web", "worker"), "worker", one.version, one.running) for one in there]
    found = prunable(
        REPOSITORY,
        containers=there,
        tags=tags(tagged),
        releases=images_of(VERSIONS[number] for number in released),
        busy=[VERSIONS[number] for number in busy],
    )
    gone = set(found.images)
    newest = set(released[: KEEP_RELEASES + 1])
    kept = [one for one in there if one.id not in found.containers]
    assert not [one for one in there if one.running and one.id in found.containers]
    assert gone.isdisjoint(tags([*running, *busy, *newest])), "rollback needs them"
    assert not {tag(one.version) for one in kept} & gone, "no container is left without its image"
    assert {one.version for one in there if VERSIONS.index(Version(one.version)) in newest} <= {
        one.version for one in kept
    }
    assert set(found.releases).isdisjoint({VERSIONS[number] for number in newest})
    versions = {one.version for one in kept if not one.running}
    assert len(versions) <= len(newest) + KEEP_FAILED + len(busy) + len(running), "what is kept is bounded"
