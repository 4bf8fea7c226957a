"""What deliveries say: recorded ones, with our repository, App and people in them."""

import secrets
from typing import Any

from tests.doubles.github import shapes
from tests.doubles.github.repositories import NOTHING, Repository
from tests.doubles.github.world import Account, App, Event, Installation, World

Json = dict[str, Any]
UNIT, RECORD = "\x1f", "\x1e"


def payload(world: World, event: Event, app: App, installation: Installation | None) -> Json:
    """Return what an App gets to read of an event."""
    if event.name == "ping":
        return ping(world, app)
    kind = event.name if event.action is None else f"{event.name}.{event.action}"
    said = shapes.recorded(kind)
    said["sender"] = shapes.user(world, event.sender or app.owner)
    if event.repository is not None:
        _say_repository(world, said, event.repository)
        if installation is not None:
            said["installation"] = {
                "id": installation.id,
                "node_id": shapes.node_id("IntegrationInstallation", installation.id),
            }
    if event.installation is not None:
        _say_installation(world, said, event)
    if event.name == "push" and event.repository is not None:
        _say_push(said, event.repository, event.details)
    if event.name == "repository":
        said["changes"] = _changes(world, event)
    return said


def ping(world: World, app: App) -> Json:
    """Return the ping of an App's hook (docs.github.com, "Webhook events and payloads", ping: `hook` has an `app_id`)."""
    said = shapes.recorded("ping")
    hook = {key: value for key, value in said["hook"].items() if not key.endswith("_url") and key != "url"}
    config = {**app.hook, **({"secret": "********"} if app.hook_secret else {})}
    changed = {"type": "App", "id": app.id, "app_id": app.id, "active": True, "events": app.events, "config": config}
    times = {"created_at": app.created, "updated_at": app.created}
    address = {"deliveries_url": f"{world.api}/app/hook/deliveries"}
    return {"zen": said["zen"], "hook_id": app.id, "hook": {**hook, **changed, **times, **address}}


def _say_repository(world: World, said: Json, repository: Repository) -> None:
    said["repository"] = shapes.repository(world, repository)
    if repository.owner.kind == "Organization":
        base = f"{world.api}/orgs/{repository.owner.login}"
        said["organization"] = {
            "login": repository.owner.login,
            "id": repository.owner.id,
            "node_id": shapes.node_id("Organization", repository.owner.id),
            "url": base,
            "repos_url": f"{base}/repos",
            "events_url": f"{base}/events",
            "hooks_url": f"{base}/hooks",
            "issues_url": f"{base}/issues",
            "members_url": f"{base}/members{{/member}}",
            "public_members_url": f"{base}/public_members{{/member}}",
            "avatar_url": f"{world.web}/avatars/u/{repository.owner.id}?",
            "description": "",
        }
    else:
        said.pop("organization", None)


def _say_installation(world: World, said: Json, event: Event) -> None:
    one = event.installation
    assert one is not None
    said["installation"] = shapes.installation(world, one)
    if "requester" in said:
        said["requester"] = None
    covered = [_brief(each) for each in world.repositories.values() if one.covers(each)]
    if event.name == "installation_repositories":
        said["repository_selection"] = "all" if one.selected is None else "selected"
        for key in ("added", "removed"):
            changed = event.details.get(key, ())
            assert isinstance(changed, tuple)
            said[f"repositories_{key}"] = [_brief(each) for each in changed]
    elif "repositories" in said:
        said["repositories"] = covered


def _brief(one: Repository) -> Json:
    number = shapes.node_id("Repository", one.id)
    return {"id": one.id, "node_id": number, "name": one.name, "full_name": one.full_name, "private": one.private}


def _say_push(said: Json, repository: Repository, details: dict[str, object]) -> None:
    shas, after, before = details["shas"], str(details["after"]), str(details["before"])
    assert isinstance(shas, list)
    commits = {one["id"]: one for one in _commits(repository, [*shas, *([] if after == NOTHING else [after])])}
    said.update({key: details[key] for key in ("ref", "before", "after", "created", "deleted", "forced")})
    said["base_ref"] = None
    said["commits"] = [commits[sha] for sha in shas]
    said["head_commit"] = commits.get(after)
    said["compare"] = f"{repository.url}/compare/{before[:12]}...{after[:12]}"
    said["pusher"] = {"name": repository.owner.login, "email": "person@example.com"}
    # A push's repository has times as numbers, and the owner's name and address.
    now = int(repository.world.clock.now())
    said["repository"].update({"created_at": now, "pushed_at": now, "master_branch": repository.default_branch})
    said["repository"]["owner"].update({"name": repository.owner.login, "email": "person@example.com"})
    said["repository"]["url"] = repository.url


def _commits(repository: Repository, shas: list[str]) -> list[Json]:
    if not shas:
        return []
    form = f"--format={RECORD}%H{UNIT}%T{UNIT}%cI{UNIT}%an{UNIT}%ae{UNIT}%B{UNIT}"
    argv = ["log", "--no-walk=unsorted", "--root", "--no-renames", "--name-status", form, "--stdin"]
    listed = repository.git(*argv, given="\n".join(shas).encode())
    return [_commit(repository, record.split(UNIT)) for record in listed.split(RECORD)[1:]]


def _commit(repository: Repository, parts: list[str]) -> Json:
    sha, tree, moment, name, mail, message, changed = parts
    kinds: dict[str, list[str]] = {"A": [], "M": [], "D": []}
    for line in changed.strip().splitlines():
        kind, _, path = line.partition("\t")
        kinds.get(kind[:1], kinds["M"]).append(path)
    person = {"name": name, "email": mail, "username": repository.owner.login}
    return {
        "id": sha,
        "tree_id": tree,
        "distinct": True,
        "message": message.strip(),
        "timestamp": moment,
        "url": f"{repository.url}/commit/{sha}",
        "author": person,
        "committer": person,
        "added": kinds["A"],
        "removed": kinds["D"],
        "modified": kinds["M"],
    }


def _changes(world: World, event: Event) -> Json:
    details = event.details
    if event.action == "renamed":
        return {"repository": {"name": {"from": details["old_name"]}}}
    if event.action == "transferred":
        old = details["old_owner"]
        assert isinstance(old, Account)
        return {"owner": {"from": {old.kind.lower(): shapes.user(world, old)}}}
    return {"default_branch": {"from": details["old_default_branch"]}}


def new_secret() -> str:
    """Return a hook's secret as GitHub makes one."""
    return secrets.token_hex(20)
