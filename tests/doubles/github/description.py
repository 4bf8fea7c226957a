"""GitHub's description of its API: which call a request is, and whether request and answer are as described.

description.json is cut from GitHub's OpenAPI description by cut.py.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import jsonschema_rs

from tests.doubles.serve import Violation

HERE = Path(__file__).parent
WHOLE_REST = {"branch", "ref", "sha"}  # may hold slashes: the description calls them multi-segment


@dataclass(frozen=True)
class Operation:
    """One described call, as `method path`, and how its parts have to look."""

    method: str
    path: str
    described: Mapping[str, Any]
    pattern: re.Pattern[str]

    @property
    def name(self) -> str:
        """GitHub's name for the call, as apps/get-authenticated."""
        return str(self.described["operation"])


class Description:
    """The described calls. Schemas are compiled when they are first needed."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str, str], jsonschema_rs.Validator] = {}

    @cached_property
    def content(self) -> dict[str, Any]:
        """The committed cut."""
        return cast("dict[str, Any]", json.loads((HERE / "description.json").read_text(encoding="utf-8")))

    @cached_property
    def operations(self) -> list[Operation]:
        """Every call; of two that match, the path with more fixed text is found first."""
        found = [
            Operation(method.upper(), path, described, _pattern(path))
            for path, methods in self.content["paths"].items()
            for method, described in methods.items()
        ]
        return sorted(found, key=lambda operation: -len(re.sub(r"\{\w+\}", "", operation.path)))

    @cached_property
    def permissions(self) -> dict[str, list[str]]:
        """The permissions that an App can have, with their levels."""
        properties = self.content["schemas"]["app-permissions"]["properties"]
        return {name: schema["enum"] for name, schema in properties.items()}

    @cached_property
    def events(self) -> set[str]:
        """The events that reach an App."""
        return set(self.content["events"])

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """Return the described call with its path's variables. Raise Violation for a call that is not in the cut.

        `/repositories/ID/…` is what GitHub's redirects lead to, for every call below `/repos/OWNER/REPO` (GitHub docs,
        "Best practices for using the REST API", "Follow redirects"); the description has none of them.
        """
        by_id = re.fullmatch(r"/repositories/(\d+)(/.*)?", path)
        looked_up = f"/repos/:id/{by_id[1]}{by_id[2] or ''}" if by_id else path
        for operation in self.operations:
            match = operation.pattern.fullmatch(looked_up)
            if match is not None and operation.method == method:
                return operation, {name: unquote(value) for name, value in match.groupdict().items()}
        raise Violation(f"{method} {path} is not in the cut of GitHub's description")

    def check_request(self, operation: Operation, query: Mapping[str, str], body: bytes) -> Any:
        """Return the request's JSON (None without). Raise Violation if the description has it otherwise."""
        known = operation.described["parameters"]
        for name, value in query.items():
            if f"query:{name}" not in known:
                raise Violation(f"{operation.name} has no query parameter {name}")
            schema = known[f"query:{name}"]
            number = schema.get("type") == "integer" and re.fullmatch(r"-?\d+", value)
            self._check(operation, f"query:{name}", schema, int(value) if number else value)
        schema = operation.described["body"]
        if schema is None or (not body and not operation.described["body_required"]):
            if body.strip() not in (b"", b"{}"):
                raise Violation(f"{operation.name} takes no body")
            return None
        try:
            value = json.loads(body)
        except ValueError as error:
            raise Violation(f"{operation.name}: the body is not JSON: {body[:80]!r}") from error
        self._check(operation, "body", schema, value)
        return value

    def check_answer(self, operation: Operation, status: int, value: Any) -> None:
        """Raise Violation if the answer is not as described. Statuses that GitHub does not describe hold a basic error."""
        responses = operation.described["responses"]
        if status == 304:
            schema = None
        elif str(status) in responses:
            schema = responses[str(status)]
        elif status >= 300:
            schema = {"$ref": f"#/schemas/{'validation-error' if status == 422 else 'basic-error'}"}
        else:
            raise Violation(f"{operation.name} is never answered {status}")
        if schema is None:
            if value is not None:
                raise Violation(f"{operation.name}: an answer {status} has no body")
            return
        self._check(operation, f"answer {status}", schema, value)

    def _check(self, operation: Operation, part: str, schema: Any, value: Any) -> None:
        key = (operation.method, operation.path, part)
        if key not in self._compiled:
            whole = {**schema, "schemas": self.content["schemas"]}
            self._compiled[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        errors = [
            f"{'/'.join(map(str, error.instance_path))}: {error.message}"
            for error in self._compiled[key].iter_errors(value)
        ]
        if errors:
            raise Violation(f"{operation.name}, {part}: " + "; ".join(errors)[:800])


def _pattern(path: str) -> re.Pattern[str]:
    def variable(match: re.Match[str]) -> str:
        return f"(?P<{match[1]}>{'.+' if match[1] in WHOLE_REST else '[^/]+'})"

    return re.compile(re.sub(r"\{(\w+)\}", variable, path))
