"""What of an app may go: old containers, images, deploy logs. Pure; `prune.py` removes it."""

from collections.abc import Collection
from dataclasses import dataclass

from deployhost.model import Version

KEEP_CONTAINERS = 5  # stopped ones, as Kamal's retain_containers (lib/kamal/configuration.rb)
KEEP_RELEASES = 5  # beside the live one, with their images
KEEP_LOGS = 50  # deploys' event logs


@dataclass(frozen=True)
class Stopped:
    """A container that does not run: its id, the image reference it was made from."""

    id: str
    image: str


@dataclass(frozen=True)
class Prune:
    """What goes: container ids, image references, releases to forget."""

    containers: tuple[str, ...]
    images: tuple[str, ...]
    releases: tuple[Version, ...]


def prunable(
    repository: str,
    *,
    stopped: Collection[Stopped],
    running_images: Collection[str],
    tags: Collection[str],
    releases: Collection[Version],
    busy: Collection[Version],
) -> Prune:
    """Given an app's containers (newest first), image references, and releases (newest first, the live one among them), say what goes.

    Kept are: what runs, the newest stopped containers, the images of the newest releases and of every kept container,
    `latest`, and whatever belongs to a `busy` version, one that is being deployed.
    """
    keep_containers = list(stopped)[:KEEP_CONTAINERS]
    kept_releases = set(list(releases)[: KEEP_RELEASES + 1])
    keep_images = (
        {container.image for container in keep_containers}
        | set(running_images)
        | {f"{repository}:{version}" for version in (*kept_releases, *busy)}
        | {f"{repository}:latest"}
    )
    busy_images = {f"{repository}:{version}" for version in busy}
    return Prune(
        containers=tuple(c.id for c in stopped if c not in keep_containers and c.image not in busy_images),
        images=tuple(tag for tag in tags if tag.startswith(f"{repository}:") and tag not in keep_images),
        releases=tuple(version for version in releases if version not in kept_releases),
    )
