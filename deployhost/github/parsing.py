"""GitHub's JSON as values. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from deployhost.errors import DeployhostError, ProviderUnavailable
from deployhost.github.answers import (
    AccessToken,
    HookConfig,
    HttpAnswer,
    Installation,
    NewApp,
    RegisteredApp,
    Repository,
)
from deployhost.github.connection import OwnerKind
from deployhost.model import Secret

Value = TypeVar("Value")


def read(reader: Callable[[Any, str], Value], answer: HttpAnswer, doing: str) -> Value:
    """Return what `reader` makes of an answer's body and its ETag. Raise ProviderUnavailable if it is not what GitHub answers."""
    try:
        return reader(answer.body, answer.headers.get("etag", ""))
    except (KeyError, TypeError, ValueError, AttributeError, DeployhostError):
        # Their own messages could hold what was answered, a key for one.
        raise ProviderUnavailable(f"the answer is not GitHub's on {doing} ({answer.status})") from None


def read_repository(body: Any, etag: str) -> Repository:
    """Return a repository."""
    return Repository(
        id=_number(body["id"]),
        owner=_text(body["owner"]["login"]),
        owner_id=_number(body["owner"]["id"]),
        name=_text(body["name"]),
        default_branch=_text(body["default_branch"]),
        private=bool(body["private"]),
        archived=bool(body["archived"]),
        size=_number(body["size"]),
        clone_url=_text(body["clone_url"]),
        html_url=_text(body["html_url"]),
        etag=etag,
    )


def read_installation(body: Any) -> Installation:
    """Return one installation of an App."""
    return Installation(
        id=_number(body["id"]),
        owner=_text(body["account"]["login"]),
        owner_id=_number(body["account"]["id"]),
        selection="all" if body["repository_selection"] == "all" else "selected",
        suspended=body.get("suspended_at") is not None,
        html_url=_text(body["html_url"]),
        permissions={_text(name): _text(level) for name, level in body["permissions"].items()},
        events=tuple(map(_text, body["events"])),
    )


def read_app(body: Any, _etag: str) -> RegisteredApp:
    """Return what an App is."""
    return RegisteredApp(
        id=_number(body["id"]),
        slug=_text(body["slug"]),
        owner=_text(body["owner"]["login"]),
        owner_id=_number(body["owner"]["id"]),
        html_url=_text(body["html_url"]),
    )


def read_hook(body: Any, _etag: str) -> HookConfig:
    """Return where a hook delivers to. GitHub leaves out what is not set."""
    return HookConfig(
        url=str(body.get("url") or ""),
        content_type=str(body.get("content_type") or "form"),
        has_secret=bool(body.get("secret")),
        insecure_ssl=str(body.get("insecure_ssl") or "0") != "0",
    )


def read_token(body: Any, _etag: str) -> AccessToken:
    """Return an installation's token."""
    token = _text(body["token"])
    if not (token.isascii() and token.isprintable()):
        raise ValueError  # it is to stand in a header
    return AccessToken(Secret(token), datetime.fromisoformat(body["expires_at"]).timestamp())


def read_new_app(body: Any, _etag: str) -> NewApp:
    """Return a new App, with the key that is shown this once."""
    secret = body["webhook_secret"]
    kind: OwnerKind = "organization" if body["owner"]["type"] == "Organization" else "user"
    return NewApp(
        id=_number(body["id"]),
        slug=_text(body["slug"]),
        client_id=_text(body["client_id"]),
        owner=_text(body["owner"]["login"]),
        owner_id=_number(body["owner"]["id"]),
        kind=kind,
        html_url=_text(body["html_url"]),
        key=Secret(_text(body["pem"])),
        webhook_secret=Secret(_text(secret)) if secret else None,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError
    return value
