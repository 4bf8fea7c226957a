"""The calls about repositories: found by name or id, branches, commits, statuses."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from tests.doubles.github import shapes
from tests.doubles.github.asked import Asked, Result
from tests.doubles.github.refusals import Refused, invalid, moved, not_found, right_missing
from tests.doubles.github.repositories import Repository
from tests.doubles.github.world import same

LONGEST_DESCRIPTION = 140  # zalando/zappr issue 378
MOST_STATUSES = 1000  # of one commit and context; the description of the call


def found(asked: Asked) -> Repository:
    """Return the repository that a path names. Raise Refused if the caller can't see it, or if it has another name now."""
    owner, name, world = asked.variables["owner"], asked.variables["repo"], asked.world
    if owner == ":id":
        repository = world.repositories.get(int(name))
    else:
        repository = world.named(f"{owner}/{name}")
        if repository is None and (other := world.moved(f"{owner}/{name}")) is not None and _seen(asked, other):
            rest = re.fullmatch(r"/repos/[^/]+/[^/]+(.*)", asked.path)
            assert rest is not None
            query = f"?{asked.call.query}" if asked.call.query else ""
            raise moved(f"{world.api}/repositories/{other.id}{rest[1]}{query}", asked.call.method)
    if repository is None or not _seen(asked, repository):
        raise not_found()
    asked.caller.needs(asked.operation, public=not repository.private)
    return repository


def _seen(asked: Asked, repository: Repository) -> bool:
    token, app = asked.caller.token, asked.caller.app
    if not repository.private:
        return True
    if app is not None:
        return any(one.covers(repository) for one in asked.world.installations.values() if one.app is app)
    return token is not None and token.sees(repository)


def list_repositories(asked: Asked) -> Result:
    """Return the repositories that the token reaches."""
    if asked.caller.token is None:
        raise Refused(401, "Requires authentication")
    token = asked.token
    asked.caller.needs(asked.operation)
    seen = [shapes.repository(asked.world, one) for one in asked.world.repositories.values() if token.sees(one)]
    part, headers = asked.page(seen)
    selection = "all" if token.installation.selected is None and token.repositories is None else "selected"
    return Result(
        content={"total_count": len(seen), "repository_selection": selection, "repositories": part}, headers=headers
    )


def get_repository(asked: Asked) -> Result:
    """Return a repository."""
    return Result(content=shapes.full_repository(asked.world, found(asked)))


def get_branch(asked: Asked) -> Result:
    """Return a branch with its newest commit. A former name leads to the new one; a repository without commits has none."""
    repository, name = found(asked), asked.variables["branch"]
    sha = repository.head(name)
    if sha is not None:
        return Result(content=shapes.branch(asked.world, repository, name, sha))
    if name in repository.former_branches:
        now = repository.former_branches[name]
        raise moved(f"{asked.world.api}/repositories/{repository.id}/branches/{quote(now)}", "GET")
    raise Refused(404, "Branch not found")


def get_commit(asked: Asked) -> Result:
    """Return a commit by a branch, a tag or a sha."""
    repository = found(asked)
    if not repository.references():
        raise Refused(409, "Git Repository is empty.")
    sha = _commit(repository, asked.variables["ref"])
    if sha is None:
        raise Refused(422, f"No commit found for SHA: {asked.variables['ref']}")
    return Result(content=shapes.commit(asked.world, repository, sha))


def create_status(asked: Asked) -> Result:
    """Post a commit status."""
    repository, sha, given = found(asked), asked.variables["sha"], asked.given
    token = asked.caller.token
    if token is None:
        raise Refused(401, "Requires authentication")
    if not token.sees(repository):
        raise right_missing("statuses", "write")
    if repository.archived:
        raise Refused(403, "Repository was archived so is read-only.")
    if re.fullmatch("[0-9a-f]{40}", sha) is None or _commit(repository, sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}", errors=[])
    description = given.get("description")
    if description is not None and len(description) > LONGEST_DESCRIPTION:
        raise invalid("description", f"description is too long (maximum is {LONGEST_DESCRIPTION} characters)")
    target = given.get("target_url")
    if target and not re.match("https?://", target):
        raise invalid("target_url", "target_url must use http(s) scheme")
    context = given.get("context", "default")
    if sum(same(one["context"], context) for one in repository.statuses_of(sha)) >= MOST_STATUSES:
        raise invalid("", "This SHA and context has reached the maximum number of statuses.")
    kept = {
        "id": asked.world.new_id(),
        "sha": sha,
        "state": given["state"],
        "context": context,
        "description": description,
        "target_url": target,
        "created_at": asked.world.clock.stamp(),
        "app_id": token.installation.app.id,
    }
    repository.statuses.append(kept)
    creator = shapes.user(asked.world, repository.owner)
    creator.update(login=f"{token.installation.app.slug}[bot]", type="Bot")
    return Result(201, {**shapes.status(asked.world, repository, kept), "creator": creator})


def get_combined_status(asked: Asked) -> Result:
    """Return what the statuses of a commit come to."""
    repository, sha = _with_commit(asked)
    return Result(content=shapes.combined_status(asked.world, repository, sha))


def list_statuses(asked: Asked) -> Result:
    """Return the statuses of a commit, newest first."""
    repository, sha = _with_commit(asked)
    every = [{**shapes.status(asked.world, repository, kept), "creator": None} for kept in repository.statuses_of(sha)]
    part, headers = asked.page(every)
    return Result(content=part, headers=headers)


def _with_commit(asked: Asked) -> tuple[Repository, str]:
    repository = found(asked)
    sha = _commit(repository, asked.variables["ref"])
    if sha is None:
        raise not_found()
    return repository, sha


def _commit(repository: Repository, name: str) -> str | None:
    """Return the sha that a branch, a tag or a sha means. Of a name, GitHub looks for a branch first."""
    for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", name):
        sha = repository.resolve(candidate)
        if sha is not None:
            return sha
    return None


def get_meta(_: Asked) -> Result:
    """Return what is worth knowing about this GitHub."""
    return Result(content={"verifiable_password_authentication": False})


def get_rate_limit(asked: Asked) -> Result:
    """Return what is left of the rate limit; asking costs nothing."""
    left = {name.rsplit("-", 1)[1].lower(): int(value) for name, value in asked.limit.items() if value.isdigit()}
    return Result(content={"resources": {"core": left, "search": {**left, "limit": 30, "remaining": 30}}, "rate": left})


CALLS: Mapping[str, Callable[[Asked], Result]] = {
    "apps/list-repos-accessible-to-installation": list_repositories,
    "repos/get": get_repository,
    "repos/get-branch": get_branch,
    "repos/get-commit": get_commit,
    "repos/create-commit-status": create_status,
    "repos/get-combined-status-for-ref": get_combined_status,
    "repos/list-commit-statuses-for-ref": list_statuses,
    "meta/get": get_meta,
    "rate-limit/get": get_rate_limit,
}
