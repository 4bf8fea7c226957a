"""A plain client of the double's API: signs as an App, asks for tokens. Tests of the double use it, and others to look."""

import base64
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.world import App, Installation


@dataclass(frozen=True)
class Answered:
    """An answer: its JSON (None without), headers by lower-case name."""

    status: int
    content: Any
    headers: Mapping[str, str]


def jwt(app: App, **claims: object) -> str:
    """Return a JWT of an App, with the usual claims unless others are given."""
    now = int(time.time())
    said = {"iat": now - 60, "exp": now + 540, "iss": app.client_id, **claims}
    signed = b".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, said))
    signature = app.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return (signed + b"." + _encoded(signature)).decode()


def call(
    github: GitHubDouble, method: str, path: str, secret: str | None = None, body: object = None, **headers: str
) -> Answered:
    """Make a call to a path below the API's address."""
    parts = urlsplit(github.api)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", github.port, timeout=20, context=github.authority.client_context()
    )
    given = {
        "Host": parts.netloc,
        "User-Agent": "tests",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    if secret is not None:
        given["Authorization"] = f"Bearer {secret}"
    try:
        connection.request(method, parts.path + path, None if body is None else json.dumps(body), given)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    lower = {name.lower(): value for name, value in answer.getheaders()}
    return Answered(answer.status, json.loads(text) if text else None, lower)


def token(github: GitHubDouble, installation: Installation, **restricted: object) -> str:
    """Return a new token of an installation, by the call."""
    path = f"/app/installations/{installation.id}/access_tokens"
    answered = call(github, "POST", path, jwt(installation.app), restricted or None)
    assert answered.status == 201, answered.content
    return str(answered.content["token"])


def _encoded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
