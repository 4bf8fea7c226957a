"""What of an app may go: old containers, images, releases, deploy logs. Pure; `prune.py` removes it.

Kamal goes back only to a version of which a container of each process is there, in any state, and the image
(lib/kamal/cli/main.rb), so the two are kept together.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from deployhost.model import Release, Version

KEEP_RELEASES = 5  # beside the live one, with their images and containers: as many as Kamal's retain_containers
KEEP_FAILED = 2  # versions that were never live, whose output may still be read
KEEP_TOLD = 50  # releases in the journal whose image another release has, too
KEEP_LOGS = 50  # deploys' event logs


@dataclass(frozen=True)
class Found:
    """A container of an app: its id, its process, its version, and whether it runs."""

    id: str
    process: str
    version: str
    running: bool


@dataclass(frozen=True)
class Prune:
    """What goes: container ids, image references, releases to forget."""

    containers: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.images or self.releases)


def needed(releases: Sequence[Release]) -> list[Release]:
    """Return those of an app's releases, newest first, whose containers are needed beside what is kept of images.

    What is live and what was before it; and what an automatic rollback would go back to, which runs with what they say.
    """
    kept = [one for place, one in enumerate(releases) if one.is_live or place < 2]
    unfailed = [one for one in releases if not one.failed]
    well = [one for one in unfailed if one.proven_at is not None]
    return list(dict.fromkeys([*kept, *unfailed[:2], *well[:2]]))


def prunable(
    repository: str,
    *,
    containers: Collection[Found],
    tags: Iterable[str],
    releases: Mapping[Version, str],
    busy: Collection[str],
    needed: Collection[str] = (),
) -> Prune:
    """Given an app's containers (newest first), image references, and releases' images by version (newest first, the live one
    among them), say what goes.

    Kept are: what runs, the newest images with the containers of the newest release of each, what failed last, `latest`,
    whatever belongs to a `busy` version, one that is being deployed or gone back to, and the `needed` containers, by id.
    Releases are told apart by their image: restarts and changed settings take nobody's place.
    """
    recent = set(list(dict.fromkeys(releases.values()))[: KEEP_RELEASES + 1])
    newest: dict[str, Version] = {}
    for version, image in releases.items():
        newest.setdefault(image, version)
    kept_releases = [version for image, version in newest.items() if image in recent]
    told = [version for version, image in releases.items() if image in recent][:KEEP_TOLD]
    never_live = dict.fromkeys(
        one.version for one in containers if one.version not in set(releases) and not one.running
    )
    versions = {*kept_releases, *busy, *list(never_live)[:KEEP_FAILED]}
    versions |= {one.version for one in containers if one.running or one.id in needed}
    kept_images = {f"{repository}:{version}" for version in versions} | {f"{repository}:latest"}
    return Prune(
        containers=tuple(_old(containers, versions, frozenset(busy), frozenset(needed))),
        images=tuple(tag for tag in tags if tag.startswith(f"{repository}:") and tag not in kept_images),
        releases=tuple(version for version in releases if version not in versions and version not in told),
    )


def _old(
    containers: Collection[Found], versions: set[str], busy: frozenset[str], needed: frozenset[str]
) -> Iterable[str]:
    """Yield the containers that go: of versions that go, and of each kept one all but the newest of a process."""
    seen: set[tuple[str, str]] = set()
    for one in containers:
        place = (one.process, one.version)
        twice = place in seen and one.version not in busy
        seen.add(place)
        if not one.running and one.id not in needed and (one.version not in versions or twice):
            yield one.id
