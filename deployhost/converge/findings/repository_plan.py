"""Repositories that no app owns: those that hold nothing are deleted, the others are reported. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from deployhost.model import AppName
from deployhost.steps import Diagnosis, Finding, Severity, Step


@dataclass(frozen=True, kw_only=True)
class RepositoryFacts:
    """A repository that bears the name of an app. `owned` is whether the journal knows that app, or is at removing it."""

    app: AppName
    path: str
    listed: bool  # in apps.yml, which could be read
    owned: bool
    empty: bool  # it holds neither a ref nor an object
    busy: bool = False  # somebody is at work in it: a push that has begun may have written nothing yet


class RemoveRepository(Step):
    """Delete a repository that no app owns, unless it has an owner or content by then."""

    app: AppName


def repositories(seen: Sequence[RepositoryFacts]) -> Diagnosis:
    """Return the steps that delete what was left behind; the findings name what a person has to decide on."""
    why = "no app uses it, and it holds no commit"
    steps = [
        RemoveRepository(what=f"delete the repository {one.path}", why=why, app=one.app)
        for one in seen
        if is_unwanted(one)
    ]
    found = [
        Finding(
            severity=Severity.WARNING,
            what=f"no app uses the repository {one.path}, which holds commits",
            why=f"to delete it: deployhost remove {one.app}; to have it as an app again",
            fix=f"deployhost add {one.app}",
        )
        for one in seen
        if is_unowned(one) and not one.empty
    ]
    return Diagnosis(tuple(steps), tuple(found))


def is_unowned(seen: RepositoryFacts) -> bool:
    """Return whether no app owns a repository: neither one in apps.yml nor one that apps.yml has lost."""
    return not seen.listed and not seen.owned


def is_unwanted(seen: RepositoryFacts) -> bool:
    """Return whether nobody loses anything when a repository is deleted."""
    return is_unowned(seen) and seen.empty and not seen.busy
