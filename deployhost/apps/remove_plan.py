"""What removing an app deletes, as steps. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from deployhost.model import AppName, Domain, RepositoryName
from deployhost.steps import Plan, Step


class RemoveRoute(Step):
    """Take the app's hosts off the proxy."""


class RemoveRecords(Step):
    """Delete the DNS records that deployhost made for the app's domains. What can't be deleted now is deleted later."""

    domains: tuple[Domain, ...]


class RemoveContainers(Step):
    """Stop and delete the app's containers."""

    containers: tuple[str, ...]


class RemoveImages(Step):
    """Delete the app's images."""

    images: tuple[str, ...]


class RemoveFiles(Step):
    """Delete the app's repository, build tree, variables and Kamal's files."""


class RemoveStorage(Step):
    """Delete the app's data."""


class RemoveSettings(Step):
    """Take the app out of apps.yml and the journal; last, so that an interrupted removal can be run again.

    Without `listed` apps.yml has been left without it already: what stands there by now is a new app's.
    """

    listed: bool = True


@dataclass(frozen=True, kw_only=True)
class RemovalFacts:
    """What there is of an app: container ids, image tags, names of variables, its storage and whether that is there.

    `records` are the names of its DNS records, `listed` is whether apps.yml has it.
    """

    app: AppName
    urls: Collection[str]
    containers: Collection[str]
    images: Collection[str]
    variables: Collection[str]
    repository: Path
    storage: Path
    has_storage: bool
    records: Collection[Domain] = ()
    listed: bool = True
    source: RepositoryName | None = None


def plan_removal(facts: RemovalFacts, *, with_storage: bool) -> Plan:
    """Return the steps of a removal; the notes say what stays. `with_storage`: the data goes too."""
    stays = facts.has_storage and not with_storage
    notes = (f"the data in {facts.storage} stays; --storage deletes it too",) if stays else ()
    return Plan(tuple(_steps(facts, with_storage)), notes)


def _steps(facts: RemovalFacts, with_storage: bool) -> Iterator[Step]:
    app = facts.app
    why = "no request must reach a container that is going"
    yield RemoveRoute(what=f"stop answering at {', '.join(facts.urls)}", why=why)
    if facts.records:
        yield RemoveRecords(
            what=f"delete the DNS {'record' if len(facts.records) == 1 else 'records'} of {', '.join(facts.records)}",
            why="they would lead to an app that is gone; records of others stay",
            domains=tuple(facts.records),
        )
    if facts.containers:
        count = len(facts.containers)
        yield RemoveContainers(
            what=f"delete {count} container{'s' if count > 1 else ''} of {app}",
            why="they run, or hold the logs of, its releases",
            containers=tuple(facts.containers),
        )
    if facts.images:
        count = len(facts.images)
        yield RemoveImages(
            what=f"delete {count} image{'s' if count > 1 else ''} of {app}",
            why="nothing can be rolled back to once the app is gone",
            images=tuple(facts.images),
        )
    count = len(facts.variables)
    variables = f" and its {f'{count} environment variables' if count > 1 else 'environment variable'}" if count else ""
    what = f"delete the repository {facts.repository}{variables}"
    stay = (
        f"the commits stay in {facts.source} on GitHub"
        if facts.source
        else "the commits stay in the clones that pushed them"
    )
    yield RemoveFiles(what=what, why=stay)
    if facts.has_storage and with_storage:
        yield RemoveStorage(what=f"delete the data in {facts.storage}", why="--storage was given")
    if facts.listed:
        yield RemoveSettings(what=f"take {app} out of apps.yml", why="it is not wanted any more")
    else:
        yield RemoveSettings(what=f"forget the releases of {app}", why="it is not in apps.yml any more", listed=False)
