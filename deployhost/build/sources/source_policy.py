"""The policy that BuildKit holds a build's sources to (buildx v0.11, EXPERIMENTAL_BUILDKIT_SOURCE_POLICY). Pure.

The last rule that matches decides (sourcepolicy/engine.go): everything is denied, then what was checked is allowed.
"""

import json
import re
from collections.abc import Iterable

from deployhost.build.registries import Reference

ENGINE = 24  # the first Docker whose BuildKit obeys it
BUILDX = (0, 11)
_DIGEST = "(@sha256:[0-9a-f]{64})?"


def policy(references: Iterable[Reference]) -> str:
    """Return the policy that allows these images and the files that the docker command sends, nothing else."""
    rules = [_rule("DENY", ".*"), _rule("ALLOW", "^local://")]
    rules += [_rule("ALLOW", f"^docker-image://{_named(one)}{_DIGEST}$") for one in references]
    return json.dumps({"version": 1, "rules": rules}, indent=1)


def open_policy(registries: Iterable[str], denied: Iterable[Reference]) -> str:
    """Return the policy for a frontend of somebody else's, which names images by itself: all of some registries but those of this server."""
    rules = [_rule("DENY", ".*"), _rule("ALLOW", "^local://")]
    rules += [_rule("ALLOW", f"^docker-image://{re.escape(one)}/") for one in registries]
    rules += [_rule("DENY", f"^docker-image://{_named(one)}(@.*)?$") for one in denied]
    return json.dumps({"version": 1, "rules": rules}, indent=1)


def _named(one: Reference) -> str:
    return re.escape(one.full).replace("\\-", "-").replace("\\ ", " ")


def _rule(action: str, pattern: str) -> dict[str, object]:
    return {"action": action, "selector": {"identifier": pattern, "match_type": "REGEX"}}
