"""What GitHub accepts as an App's manifest (docs.github.com, "Registering a GitHub App from a manifest").

Where the documentation does not say it, the rule has the report of somebody who met it.
"""

import ipaddress
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.doubles.github.description import Description

KEYS = {
    "name", "url", "hook_attributes", "redirect_url", "callback_urls", "setup_url", "description", "public",
    "default_events", "default_permissions", "request_oauth_on_install", "setup_on_update",
}  # fmt: skip
LONGEST_NAME = 34  # docs.github.com, "Registering a GitHub App"
MOST_CALLBACKS = 10

# These reach every App by themselves, so none may ask for them (oblien/openship issue 842).
BY_THEMSELVES = {"installation", "installation_repositories", "github_app_authorization", "meta", "ping"}
# The permission that an event needs; probot/probot issue 1317 met it for push, superplanehq/superplane issue 5235 for check_run.
EVENT_NEEDS = {
    "check_run": "checks", "check_suite": "checks", "create": "contents", "delete": "contents", "deployment": "deployments",
    "deployment_status": "deployments", "issue_comment": "issues", "issues": "issues", "pull_request": "pull_requests",
    "pull_request_review": "pull_requests", "push": "contents", "release": "contents", "repository": "metadata",
    "status": "statuses",
}  # fmt: skip


def errors(text: str, description: Description, names: set[str]) -> list[str]:
    """Return what the page says is wrong with a manifest; `names` are those of the Apps that are there."""
    try:
        manifest = json.loads(text)
    except ValueError:
        return ["The manifest is not JSON"]
    if not isinstance(manifest, dict):
        return ["The manifest is not an object"]
    found = [f'"{key}" is not a permitted key.' for key in manifest if key not in KEYS]
    if not _is_url(manifest.get("url")):
        found.append('"url" wasn\'t supplied.')
    found += _about_name(manifest.get("name"), names)
    found += _about_hook(manifest.get("hook_attributes"))
    for key in ("redirect_url", "setup_url"):
        if key in manifest and not _is_url(manifest[key]):
            found.append(f'"{key}" must be a valid URL')
    callbacks = manifest.get("callback_urls", [])
    if not isinstance(callbacks, list) or len(callbacks) > MOST_CALLBACKS or not all(map(_is_url, callbacks)):
        found.append(f'"callback_urls" takes at most {MOST_CALLBACKS} URLs')
    found += [f'"{key}" must be a boolean' for key in ("public",) if not isinstance(manifest.get(key, False), bool)]
    return found + _about_rights(manifest, description)


def _about_name(name: object, names: set[str]) -> list[str]:
    """A person can still change the name on the page; without one they must write it there."""
    if name is None:
        return []
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        return [f"Name is too long (maximum is {LONGEST_NAME} characters)"]
    return ["Name is already taken"] if name.lower() in {taken.lower() for taken in names} else []


def _about_hook(hook: object) -> list[str]:
    """A hook's `url` is required even if it is not active (vikasprogrammer/agentric pull 317); it takes no secret."""
    if hook is None:
        return []
    if not isinstance(hook, dict):
        return ['"hook_attributes" must be an object']
    found = [f'"{key}" is not a permitted key.' for key in hook if key not in {"url", "active"}]
    if not _is_url(hook.get("url")):
        return [*found, '"url" wasn\'t supplied.']
    host = urlsplit(hook["url"]).hostname or ""
    if _is_local(host):
        found.append(f"Hook url is not supported because it isn't reachable over the public Internet ({host})")
    return found


def _about_rights(manifest: Mapping[str, Any], description: Description) -> list[str]:
    permissions, events = manifest.get("default_permissions", {}), manifest.get("default_events", [])
    if not isinstance(permissions, dict) or not isinstance(events, list):
        return ['"default_permissions" must be an object, "default_events" an array']
    known = description.permissions
    found = [
        f"Default permission records resource is not included in the list: {name}: {level}"
        for name, level in permissions.items()
        if level not in known.get(name, ())
    ]
    unsupported = [event for event in events if event in BY_THEMSELVES or event not in description.events]
    if unsupported:
        found.append(f"Default events unsupported: {' and '.join(unsupported)}")
    granted = {"metadata", *permissions}
    lacking = [event for event in events if EVENT_NEEDS.get(event) not in granted]
    if lacking:
        found.append(f"Default events are not supported by permissions: {' and '.join(lacking)}")
    return found


def _is_url(value: object) -> bool:
    return isinstance(value, str) and urlsplit(value).scheme in {"http", "https"} and bool(urlsplit(value).hostname)


def _is_local(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
