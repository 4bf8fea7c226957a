"""What becomes of repositories that no app owns: those that hold nothing go, the others are named. Pure."""

from collections.abc import Iterable

from deployhost.converge.facts import SeenRepository
from deployhost.converge.steps import RemoveRepository
from deployhost.steps import Plan, Step


def plan_repositories(seen: Iterable[SeenRepository]) -> Plan:
    """Return the steps that remove what was left behind; the notes name what a person has to decide on."""
    steps: list[Step] = []
    notes: list[str] = []
    for one in seen:
        if is_unwanted(one):
            why = "no app uses it, and it holds no commit"
            steps.append(RemoveRepository(what=f"delete the repository {one.path}", why=why, app=one.app))
        elif is_unowned(one) and not one.empty:
            notes.append(
                f"no app uses the repository {one.path}, which holds commits; to delete it: deployhost remove {one.app};"
                f" to have it as an app again: deployhost add {one.app}"
            )
    return Plan(tuple(steps), tuple(notes))


def is_unowned(seen: SeenRepository) -> bool:
    """Return whether no app owns a repository: neither one in apps.yml nor one that apps.yml has lost."""
    return not seen.listed and not seen.owned


def is_unwanted(seen: SeenRepository) -> bool:
    """Return whether nobody loses anything when a repository is deleted."""
    return is_unowned(seen) and seen.empty and not seen.busy
