"""How GitHub's objects look in answers and deliveries: built from what was recorded, with our names in place of theirs."""

import base64
import copy
import json
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from tests.doubles.github.repositories import Repository
from tests.doubles.github.world import Account, App, Installation, Token, World, as_stamp, same

HERE = Path(__file__).parent
Json = dict[str, Any]

# What newer answers have and the recorded deliveries, which are older, lack.
SINCE_THEN: Json = {
    "allow_forking": True,
    "has_discussions": False,
    "is_template": False,
    "topics": [],
    "web_commit_signoff_required": False,
}


@cache
def _payloads() -> Json:
    return cast("Json", json.loads((HERE / "payloads.json").read_text(encoding="utf-8")))


def recorded(kind: str) -> Json:
    """Return a recorded delivery, `event` or `event.action`, to change."""
    return cast("Json", copy.deepcopy(_payloads()[kind]))


def node_id(kind: str, number: int) -> str:
    """Return a node id: opaque, but of the usual letters."""
    return base64.b64encode(f"{len(kind)}:{kind}{number}".encode()).decode()


def user(world: World, account: Account) -> Json:
    """Return an account as the description's simple-user."""
    base = f"{world.api}/users/{account.login}"
    lists = ("followers", "subscriptions", "organizations", "repos", "received_events")
    templates = {
        "following_url": f"{base}/following{{/other_user}}",
        "gists_url": f"{base}/gists{{/gist_id}}",
        "starred_url": f"{base}/starred{{/owner}}{{/repo}}",
        "events_url": f"{base}/events{{/privacy}}",
    }
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id(account.kind, account.id),
        "avatar_url": f"{world.web}/avatars/u/{account.id}?",
        "gravatar_id": "",
        "url": base,
        "html_url": f"{world.web}/{account.login}",
        **templates,
        **{f"{name}_url": f"{base}/{name}" for name in lists},
        "type": account.kind,
        "site_admin": False,
    }


def repository(world: World, one: Repository) -> Json:
    """Return a repository as the description's repository."""
    old = recorded("repository.renamed")["repository"]
    theirs, name = old["full_name"], one.full_name
    text = json.dumps({key: value for key, value in old.items() if key not in {"owner", "custom_properties"}})
    hosts = {
        "https://api.github.com": world.api,
        "https://github.com": world.web,
        "git://github.com": "git://" + host(world),
    }
    for there, here in {**hosts, "git@github.com:": f"git@{host(world)}:", theirs: name}.items():
        text = text.replace(there, here)
    changed = {
        "id": one.id,
        "node_id": node_id("Repository", one.id),
        "name": one.name,
        "full_name": name,
        "private": one.private,
        "owner": user(world, one.owner),
        "description": None,
        "fork": False,
        "default_branch": one.default_branch,
        "archived": one.archived,
        "disabled": False,
        "visibility": "private" if one.private else "public",
        "created_at": one.created,
        "updated_at": one.pushed or one.created,
        "pushed_at": one.pushed or one.created,
        "size": 0 if one.pushed is None else 1,
    }
    return {**SINCE_THEN, **json.loads(text), **changed}


def full_repository(world: World, one: Repository) -> Json:
    """Return a repository as the description's full-repository."""
    more: Json = {"network_count": 0, "subscribers_count": 0, "temp_clone_token": None}
    if one.owner.kind == "Organization":
        more["organization"] = user(world, one.owner)
    del more["temp_clone_token"]
    return {**repository(world, one), **more}


def minimal_repository(world: World, one: Repository) -> Json:
    """Return a repository as the description's minimal-repository, whose keys the others have too."""
    whole = repository(world, one)
    return {key: value for key, value in whole.items() if key not in {"has_downloads", "master_branch"}}


def integration(world: World, app: App) -> Json:
    """Return an App as the description's integration."""
    return {
        "id": app.id,
        "slug": app.slug,
        "client_id": app.client_id,
        "node_id": node_id("App", app.id),
        "owner": user(world, app.owner),
        "name": app.name,
        "description": app.description,
        "external_url": app.external_url,
        "html_url": app_page(world, app),
        "created_at": app.created,
        "updated_at": app.created,
        "permissions": app.permissions,
        "events": app.events,
        "installations_count": sum(one.app is app for one in world.installations.values()),
    }


def app_page(world: World, app: App) -> str:
    """Return an App's page: /apps/SLUG at github.com, /github-apps/SLUG on Enterprise Server."""
    return f"{world.web}/{'github-apps' if world.api.startswith(world.web) else 'apps'}/{app.slug}"


def settings(world: World, account: Account) -> str:
    """Return the address below which an account's settings lie."""
    return (
        f"{world.web}/organizations/{account.login}/settings"
        if account.kind == "Organization"
        else f"{world.web}/settings"
    )


def installation(world: World, one: Installation) -> Json:
    """Return an installation as the description has it."""
    return {
        "id": one.id,
        "client_id": one.app.client_id,
        "account": user(world, one.account),
        "repository_selection": "all" if one.selected is None else "selected",
        "access_tokens_url": f"{world.api}/app/installations/{one.id}/access_tokens",
        "repositories_url": f"{world.api}/installation/repositories",
        "html_url": f"{settings(world, one.account)}/installations/{one.id}",
        "app_id": one.app.id,
        "app_slug": one.app.slug,
        "target_id": one.account.id,
        "target_type": one.account.kind,
        "permissions": one.permissions,
        "events": one.app.events,
        "created_at": one.created,
        "updated_at": one.created,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(world, one.account) if one.suspended else None,
        "suspended_at": one.suspended,
    }


def token(world: World, one: Token) -> Json:
    """Return a new token as GitHub hands it out; the repositories only if it is restricted to some."""
    restricted = [world.repositories[number] for number in sorted(one.repositories or ())]
    selected = one.repositories is not None or one.installation.selected is not None
    more = {"repositories": [repository(world, each) for each in restricted]} if one.repositories is not None else {}
    return {
        "token": one.text,
        "expires_at": as_stamp(one.expires),
        "permissions": one.permissions,
        "repository_selection": "selected" if selected else "all",
        **more,
    }


def commit(world: World, one: Repository, sha: str) -> Json:
    """Return a commit, without its files."""
    parts = one.git("log", "-1", "--format=%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B", sha).split("\0")
    tree, parents, author, author_mail, authored, committer, mail, committed, message = parts
    base, page = f"{world.api}/repos/{one.full_name}", f"{world.web}/{one.full_name}"
    return {
        "sha": sha,
        "node_id": node_id("Commit", one.id) + sha[:12],
        "commit": {
            "author": {"name": author, "email": author_mail, "date": authored},
            "committer": {"name": committer, "email": mail, "date": committed},
            "message": message.strip(),
            "tree": {"sha": tree, "url": f"{base}/git/trees/{tree}"},
            "url": f"{base}/git/commits/{sha}",
            "comment_count": 0,
        },
        "url": f"{base}/commits/{sha}",
        "html_url": f"{page}/commit/{sha}",
        "comments_url": f"{base}/commits/{sha}/comments",
        "author": None,
        "committer": None,
        "parents": [{"sha": each, "url": f"{base}/commits/{each}"} for each in parents.split()],
    }


def branch(world: World, one: Repository, name: str, sha: str) -> Json:
    """Return a branch with its newest commit."""
    base = f"{world.api}/repos/{one.full_name}/branches/{quote(name)}"
    return {
        "name": name,
        "commit": commit(world, one, sha),
        "_links": {"self": base, "html": f"{world.web}/{one.full_name}/tree/{quote(name)}"},
        "protected": False,
        "protection": {
            "enabled": False,
            "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
        },
        "protection_url": f"{base}/protection",
    }


def status(world: World, one: Repository, kept: Json) -> Json:
    """Return a commit status."""
    return {
        "url": f"{world.api}/repos/{one.full_name}/statuses/{kept['sha']}",
        "id": kept["id"],
        "node_id": node_id("StatusContext", kept["id"]),
        "avatar_url": f"{world.web}/avatars/in/{kept['app_id']}?",
        "state": kept["state"],
        "description": kept["description"],
        "target_url": kept["target_url"],
        "context": kept["context"],
        "created_at": kept["created_at"],
        "updated_at": kept["created_at"],
    }


def combined_status(world: World, one: Repository, sha: str) -> Json:
    """Return what the newest statuses of each context come to (docs.github.com, "Get the combined status")."""
    latest = one.latest_statuses(sha)
    states = {kept["state"] for kept in latest.values()}
    failed = states & {"error", "failure"}
    base = f"{world.api}/repos/{one.full_name}/commits/{sha}"
    return {
        "state": "failure" if failed else "success" if states == {"success"} else "pending",
        "statuses": [status(world, one, kept) for kept in latest.values()],
        "sha": sha,
        "total_count": len(latest),
        "repository": minimal_repository(world, one),
        "commit_url": base,
        "url": f"{base}/status",
    }


def host(world: World) -> str:
    """Return the host of the pages, without a port."""
    return world.web.split("//")[1].split(":")[0]


def by_name(world: World, account: Account, name: str) -> Repository | None:
    """Return an account's repository by its bare name."""
    wanted = (one for one in world.repositories.values() if one.owner == account)
    return next((one for one in wanted if same(one.name, name)), None)
