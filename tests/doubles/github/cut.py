"""Cut GitHub's description and recorded deliveries down to what the double needs: `python tests/doubles/github/cut.py`.

Takes two npm packages, both MIT licensed (LICENSE.octokit), and writes description.json and payloads.json beside itself:
@octokit/openapi (https://github.com/octokit/openapi) describes each call; @octokit/webhooks-examples
(https://github.com/octokit/webhooks) has deliveries that GitHub sent. The first unpacks to 385 MB, so the cut is committed.

Schemas become JSON Schema of 2020-12: `nullable` is a type, `allOf` is merged, and objects take no unknown keys. GitHub
ignores an unknown key; for us it is a mistake.
"""

import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DESCRIPTION = ("@octokit/openapi@23.0.2", "package/generated/api.github.com.json")
EXAMPLES = ("@octokit/webhooks-examples@7.6.1", "package/api.github.com/index.json")

CALLS = {
    "/app": ("get",),
    "/app-manifests/{code}/conversions": ("post",),
    "/app/hook/config": ("get", "patch"),
    "/app/hook/deliveries": ("get",),
    "/app/hook/deliveries/{delivery_id}": ("get",),
    "/app/hook/deliveries/{delivery_id}/attempts": ("post",),
    "/app/installations": ("get",),
    "/app/installations/{installation_id}": ("get", "delete"),
    "/app/installations/{installation_id}/access_tokens": ("post",),
    "/installation/repositories": ("get",),
    "/installation/token": ("delete",),
    "/meta": ("get",),
    "/orgs/{org}/installation": ("get",),
    "/rate_limit": ("get",),
    "/repos/{owner}/{repo}": ("get",),
    "/repos/{owner}/{repo}/branches/{branch}": ("get",),
    "/repos/{owner}/{repo}/commits/{ref}": ("get",),
    "/repos/{owner}/{repo}/commits/{ref}/status": ("get",),
    "/repos/{owner}/{repo}/commits/{ref}/statuses": ("get",),
    "/repos/{owner}/{repo}/installation": ("get",),
    "/repos/{owner}/{repo}/statuses/{sha}": ("post",),
    "/users/{username}/installation": ("get",),
}
RECORDED: dict[tuple[str, str | None], dict[str, Any]] = {
    ("installation", "created"): {},
    ("installation", "deleted"): {},
    ("installation", "suspend"): {},
    ("installation", "unsuspend"): {},
    ("installation_repositories", "added"): {},
    ("installation_repositories", "removed"): {},
    ("ping", None): {},
    ("push", None): {"ref": "refs/heads/master"},
    ("repository", "edited"): {"changes": {"default_branch": {"from": "main"}}},
    ("repository", "renamed"): {},
    ("repository", "transferred"): {},
}
# Where the description errs: it says that an account is a user and an enterprise at once.
CORRECTED = {
    ("apps/list-installations", "200"): {"type": "array", "items": {"$ref": "#/components/schemas/installation"}},
}
TELLS_PEOPLE = {"description", "example", "examples", "title", "summary", "deprecated", "externalDocs", "default"}


def main() -> None:
    described = fetched(*DESCRIPTION)
    write("description.json", cut(described))
    write("payloads.json", recorded(fetched(*EXAMPLES)))


def fetched(package: str, member: str) -> Any:
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["npm", "pack", "--silent", package], cwd=place, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(place).glob("*.tgz"))) as archive:
            found = archive.extractfile(member)
            assert found is not None, member
            return json.load(found)


def write(name: str, content: Any) -> None:
    text = json.dumps(content, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    (HERE / name).write_text(text + "\n", encoding="utf-8")
    print(name, f"{len(text) // 1000} kB", file=sys.stderr)


def cut(described: Any) -> Any:
    """Return the calls in use with the schemas that they name, and the events that an App may ask for."""
    schemas = Schemas(described["components"])
    paths = {
        path: {method: call(schemas, described["paths"][path][method]) for method in methods}
        for path, methods in CALLS.items()
    }
    events = {
        hook["post"]["x-github"]["subcategory"]
        for hook in described["x-webhooks"].values()
        if "app" in hook["post"]["x-github"]["supported-webhook-types"]
    }
    return {
        "source": f"{DESCRIPTION[0]} {DESCRIPTION[1]}, MIT licence, cut by cut.py",
        "events": sorted(events),
        "paths": paths,
        "schemas": schemas.used,
    }


def call(schemas: "Schemas", one: Any) -> Any:
    parameters = [schemas.resolved(parameter) for parameter in one.get("parameters", [])]
    body = one.get("requestBody")
    return {
        "operation": one["operationId"],
        "parameters": {
            f"{parameter['in']}:{parameter['name']}": schemas.converted(parameter["schema"]) for parameter in parameters
        },
        "required": [f"{parameter['in']}:{parameter['name']}" for parameter in parameters if parameter.get("required")],
        "body": None if body is None else schemas.converted(body["content"]["application/json"]["schema"]),
        "body_required": bool(body and body.get("required")),
        "responses": {status: answer(schemas, one, status) for status in one["responses"]},
    }


def answer(schemas: "Schemas", one: Any, status: str) -> Any:
    content = schemas.resolved(one["responses"][status]).get("content", {}).get("application/json")
    if content is None:
        return None
    return schemas.converted(CORRECTED.get((one["operationId"], status), content["schema"]))


class Schemas:
    """The described components, and those of them that were converted because something names them."""

    def __init__(self, components: Any) -> None:
        self.components = components
        self.used: dict[str, Any] = {}

    def resolved(self, one: Any) -> Any:
        while "$ref" in one:
            _, _, kind, name = one["$ref"].split("/")
            one = self.components[kind][name]
        return one

    def converted(self, schema: Any) -> Any:
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            if name not in self.used:
                self.used[name] = None  # a schema may name itself
                self.used[name] = self.converted(self.components["schemas"][name])
            return {"$ref": f"#/schemas/{name}"}
        if "allOf" in schema:
            schema = self._merged(schema)
        kept = {key: self._part(key, value) for key, value in schema.items() if key not in TELLS_PEOPLE}
        kept = {key: value for key, value in kept.items() if not key.startswith("x-") and key != "nullable"}
        if "properties" in kept and kept.get("additionalProperties", True) is True:
            kept["additionalProperties"] = False
        return nullable(kept) if schema.get("nullable") else kept

    def _part(self, key: str, value: Any) -> Any:
        if key == "properties":
            return {name: self.converted(each) for name, each in value.items()}
        if key in {"anyOf", "oneOf"}:
            return [self.converted(each) for each in value]
        if key in {"items", "additionalProperties", "not"} and isinstance(value, dict):
            return self.converted(value)
        return value

    def _merged(self, schema: Any) -> Any:
        """Return an `allOf` as one schema: a closed object can't be one of several halves."""
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for half in map(self.resolved, schema["allOf"]):
            whole = self._merged(half) if "allOf" in half else half
            for key, value in whole.items():
                if key == "properties":
                    merged["properties"] = {**merged.get("properties", {}), **value}
                elif key == "required":
                    merged["required"] = sorted({*merged.get("required", []), *value})
                elif key not in {"description", "title", "additionalProperties"}:
                    assert merged.setdefault(key, value) == value, (key, value)
        return merged


def nullable(schema: Any) -> Any:
    if "enum" in schema and None not in schema["enum"]:
        schema = {**schema, "enum": [*schema["enum"], None]}
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema


def recorded(examples: Any) -> Any:
    """Return one delivery for each kind in RECORDED, by `event` or `event.action`, the last that has the wanted values."""
    kinds: dict[str, Any] = {"source": f"{EXAMPLES[0]} {EXAMPLES[1]}, MIT licence, cut by cut.py"}
    by_event = {each["name"]: each["examples"] for each in examples}
    for (event, action), wanted in RECORDED.items():
        fitting = [
            one
            for one in by_event[event]
            if one.get("action") == action and all(one.get(key) == value for key, value in wanted.items())
        ]
        kinds[event if action is None else f"{event}.{action}"] = fitting[-1]
    return kinds


if __name__ == "__main__":
    main()
