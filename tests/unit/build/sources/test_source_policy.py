"""The policy for BuildKit: the last rule that matches decides."""

import json
import re

import pytest

from deployhost.build.registries import Reference
from deployhost.build.sources.names import in_full
from deployhost.build.sources.source_policy import open_policy, policy


def named(text: str) -> Reference:
    found = in_full(text)
    assert found is not None
    return found


def allows(text: str, source: str) -> bool:
    decided = True
    for rule in json.loads(text)["rules"]:
        assert rule["selector"]["match_type"] == "REGEX"
        if re.search(rule["selector"]["identifier"], source):
            decided = rule["action"] == "ALLOW"
    return decided


CLOSED = policy([named("alpine:3.20"), named("[::1]:5000/a")])
HEX = "@sha256:" + "0" * 64


@pytest.mark.parametrize(
    "source",
    [
        "local://context",
        "local://dockerfile",
        "docker-image://docker.io/library/alpine:3.20",
        f"docker-image://docker.io/library/alpine:3.20{HEX}",
        "docker-image://[::1]:5000/a:latest",
    ],
)
def test_allowed(source: str) -> None:
    assert allows(CLOSED, source)


@pytest.mark.parametrize(
    "source",
    [
        "docker-image://docker.io/library/alpine:3.2",
        "docker-image://docker.io/library/alpine:3.20x",
        "docker-image://docker.io/library/alpine:3920",
        "docker-image://127.0.0.1:5555/other:latest",
        "http://127.0.0.1/",
        "https://example.com/",
        "git://github.com/a/b",
        "oci-layout://x",
        "anything",
    ],
)
def test_denied(source: str) -> None:
    assert not allows(CLOSED, source)


def test_a_frontend_of_somebodys_gets_what_is_public() -> None:
    text = open_policy(["docker.io", "ghcr.io"], [named("acme/base:1")])
    assert allows(text, "docker-image://ghcr.io/a/b:1")
    assert allows(text, "docker-image://docker.io/acme/base:2")
    for source in (
        "docker-image://docker.io/acme/base:1",
        f"docker-image://docker.io/acme/base:1{HEX}",
        "docker-image://ghcr.iox/a:1",
        "http://a/",
        "docker-image://127.0.0.1:5555/a:1",
    ):
        assert not allows(text, source)
