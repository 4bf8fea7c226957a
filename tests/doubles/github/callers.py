"""Who makes a call: an App by its JWT, an installation by its token, or nobody."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.doubles.github.refusals import Refused, bad_credentials, not_a_jwt, right_missing, suspended
from tests.doubles.github.world import App, Token, World
from tests.doubles.serve import Call, Violation

LONGEST_JWT = 600  # seconds; docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App"
API_VERSIONS = {"2022-11-28", "2026-03-10"}

# What a token needs for a call (docs.github.com, "Permissions required for GitHub Apps"). Everybody may make the last two.
NEEDS: dict[str, tuple[str, str]] = {
    "apps/list-repos-accessible-to-installation": ("metadata", "read"),
    "repos/get": ("metadata", "read"),
    "repos/get-branch": ("contents", "read"),
    "repos/get-commit": ("contents", "read"),
    "repos/create-commit-status": ("statuses", "write"),
    "repos/get-combined-status-for-ref": ("statuses", "read"),
    "repos/list-commit-statuses-for-ref": ("statuses", "read"),
}
BY_TOKEN = {*NEEDS, "apps/revoke-installation-access-token"}
BY_ANYBODY = {"meta/get", "rate-limit/get", "apps/create-from-manifest"}


@dataclass(frozen=True)
class Caller:
    """Whom a call comes from; `key` names the rate limit that it counts for."""

    app: App | None = None
    token: Token | None = None

    @property
    def key(self) -> str:
        """Return what the rate limit is of: an installation, an App, or everybody without a name."""
        if self.token is not None:
            return f"installation ID {self.token.installation.id}"
        return f"app ID {self.app.id}" if self.app is not None else "127.0.0.1"

    def needs(self, operation: str, *, public: bool = False) -> None:
        """Raise Refused if the token has not the permission for a call; a public repository can be read without."""
        if self.token is None or operation not in NEEDS:
            return
        permission, level = NEEDS[operation]
        given = self.token.permissions.get(permission)
        if given is None and public and level == "read":
            return
        if given is None or (level == "write" and given == "read"):
            raise right_missing(permission, level)


def caller_of(world: World, call: Call, operation: str) -> Caller:
    """Return who makes the call. Raise Refused for wrong credentials, Violation for those that never fit the call."""
    version = call.headers.get("x-github-api-version")
    if version is not None and version not in API_VERSIONS:
        raise Refused(400, f"The API version {version} is not supported.")
    if not call.headers.get("user-agent"):
        raise Violation("GitHub refuses requests without User-Agent")
    kind, _, secret = call.headers.get("authorization", "").partition(" ")
    if not kind:
        if operation in BY_ANYBODY or operation in NEEDS:
            return Caller()
        raise not_a_jwt()
    if kind.lower() not in {"bearer", "token"}:
        raise Violation(f"the API takes Bearer or token, not {kind}")
    if secret.count(".") == 2 and not secret.startswith("gh"):
        if operation in BY_TOKEN:
            raise Violation(f"{operation} takes an installation's token, not a JWT")
        return Caller(app=app_of(world, secret))
    if operation not in BY_TOKEN and operation not in BY_ANYBODY:
        raise not_a_jwt()
    return Caller(token=token_of(world, secret))


def token_of(world: World, text: str) -> Token:
    """Return a token that counts now. Raise Refused."""
    token = world.tokens.get(text)
    if token is None or token.expires <= world.clock.now():
        raise bad_credentials()
    if token.installation.suspended:
        raise suspended()
    return token


def app_of(world: World, jwt: str) -> App:
    """Return the App that signed a JWT. Raise Refused if a claim or the signature is wrong.

    The messages are those of tibdex/github-app-token issue 102 (iat) and sigmavirus24/github3.py issue 1050 (exp).
    """
    header, claims, signature, signed = _decoded(jwt)
    if header.get("alg") != "RS256":
        raise not_a_jwt()
    issuer = str(claims.get("iss", ""))
    app = next((one for one in world.apps.values() if issuer in {one.client_id, str(one.id)}), None)
    if app is None:
        raise Refused(404, "Integration not found")
    try:
        app.key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise not_a_jwt() from None
    now, issued, expires = world.clock.now(), claims.get("iat"), claims.get("exp")
    if not isinstance(expires, int) or expires <= now:
        claim = "must be a numeric value representing the future time at which the assertion expires"
        raise Refused(401, f"'Expiration time' claim ('exp') {claim}")
    if expires > now + LONGEST_JWT:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, int) or issued > now:
        claim = "must be an Integer representing the time that the assertion was issued"
        raise Refused(401, f"'Issued at' claim ('iat') {claim}")
    return app


def _decoded(jwt: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    try:
        header, claims, signature = jwt.split(".")
        parts = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in (header, claims, signature)]
        first, second = json.loads(parts[0]), json.loads(parts[1])
    except ValueError:
        raise not_a_jwt() from None
    if not isinstance(first, dict) or not isinstance(second, dict) or re.search(r"[=+/]", jwt):
        raise not_a_jwt()
    return first, second, parts[2], f"{header}.{claims}".encode()
