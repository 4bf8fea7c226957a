"""What GitHub answers instead: an error with its message, as those who met it reported."""

from collections.abc import Mapping
from typing import Any

from tests.doubles.serve import Answer, json_answer

DOCUMENTATION = "https://docs.github.com/rest"


class Refused(Exception):
    """GitHub does not do what was asked."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[Mapping[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.content: dict[str, Any] = {"message": message, "documentation_url": DOCUMENTATION}
        if errors is not None:
            self.content["errors"] = errors
        if status != 422:
            self.content["status"] = str(status)

    def answer(self) -> Answer:
        """Return it as a response."""
        return json_answer(self.content, self.status, tuple(self.headers.items()))


def not_found() -> Refused:
    """Return what everything that the caller can't see gets, there or not."""
    return Refused(404, "Not Found")


def bad_credentials() -> Refused:
    """Return what an unknown, revoked or expired token gets, and one of an App that was uninstalled."""
    return Refused(401, "Bad credentials")


def not_a_jwt() -> Refused:
    """Return what is said of a JWT that is none, or is signed with another key (octokit/auth-app.js issue 65)."""
    return Refused(401, "A JSON web token could not be decoded")


def suspended() -> Refused:
    """Return what a suspended installation gets (octokit/octokit.rb pull 1307)."""
    return Refused(403, "This installation has been suspended")


def right_missing(permission: str, level: str) -> Refused:
    """Return what a token without a permission gets (docs.github.com, "Troubleshooting the REST API")."""
    headers = {"X-Accepted-GitHub-Permissions": f"{permission}={level}"}
    return Refused(403, "Resource not accessible by integration", headers=headers)


def invalid(field: str, message: str) -> Refused:
    """Return what a status with a value that GitHub does not take gets (zalando/zappr issue 378)."""
    error = {"resource": "Status", "code": "custom", "field": field, "message": message}
    return Refused(422, "Validation Failed", errors=[error if field else {**error, "field": "base"}])


def moved(url: str, method: str) -> Refused:
    """Return what a former name gets: 301, for what changes something 307 (docs.github.com, "Follow redirects")."""
    refusal = Refused(301 if method == "GET" else 307, "Moved Permanently", headers={"Location": url})
    refusal.content["url"] = url
    return refusal
