"""References in their parts, and what a registry's refusal means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.build.registries import Reference, is_about_the_image, reason
from deployhost.config.server import MIRRORS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python", Reference("docker.io", "library/python", "latest")),
        ("python:3.13-slim", Reference("docker.io", "library/python", "3.13-slim")),
        ("docker.io/library/python:3", Reference("docker.io", "library/python", "3")),
        ("docker.io/python:3", Reference("docker.io", "library/python", "3")),
        ("index.docker.io/acme/app", Reference("docker.io", "acme/app", "latest")),
        ("acme/app:1", Reference("docker.io", "acme/app", "1")),
        ("ghcr.io/acme/app:1", Reference("ghcr.io", "acme/app", "1")),
        ("localhost/app", Reference("localhost", "app", "latest")),
        ("localhost:5000/a/b/c", Reference("localhost:5000", "a/b/c", "latest")),
        ("127.0.0.1:5555/app:abc", Reference("127.0.0.1:5555", "app", "abc")),
        ("python@sha256:aa", Reference("docker.io", "library/python", "", "sha256:aa")),
        ("python:3@sha256:aa", Reference("docker.io", "library/python", "3", "sha256:aa")),
    ],
)
def test_parts(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "official"),
    [("python:3", True), ("acme/app:1", False), ("ghcr.io/library/python:3", False), ("python@sha256:aa", False)],
)
def test_only_official_images_by_tag_are_on_the_mirrors(text: str, official: bool) -> None:
    assert Reference.parse(text).official is official


def test_the_same_image_on_a_mirror() -> None:
    found = [Reference.parse("python:3.13-slim").on_mirror(mirror) for mirror in MIRRORS]
    assert found == ["public.ecr.aws/docker/library/python:3.13-slim", "mirror.gcr.io/library/python:3.13-slim"]


@given(st.text(alphabet="abz09._-/:@", max_size=60))
def test_any_text_has_parts_with_a_registry(text: str) -> None:
    found = Reference.parse(text)
    assert found.registry
    assert found.tag or found.digest or "@" in text or text.endswith(":") or ":" in text


NO_HOST = 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: no such host'


@pytest.mark.parametrize(
    ("said", "of_image", "why"),
    [
        (NO_HOST, False, "its name can't be resolved"),
        ("python:3 can't be pulled: no answer within 8 s", False, "it does not answer"),
        ("dial tcp 1.2.3.4:443: i/o timeout", False, "it does not answer"),
        ("dial tcp 1.2.3.4:443: connect: connection refused", False, "it refuses the connection"),
        ("dial tcp 1.2.3.4:443: connect: network is unreachable", False, "there is no way to it"),
        ("toomanyrequests: You have reached your pull rate limit.", False, "its pull limit is reached"),
        ("x509: certificate signed by unknown authority", False, "its certificate is not trusted"),
        ("manifest for python:9 not found: manifest unknown", True, "it has no such image"),
        (
            "pull access denied for acme/x, repository does not exist or may require 'docker login'",
            True,
            "it has no such image",
        ),
        ("denied: requested access to the resource is denied", True, "it has no such image, or not for us"),
        ("no matching manifest for linux/arm64/v8", True, "it has none for this machine's architecture"),
        ("something else", False, "something else"),
    ],
)
def test_what_a_refusal_means(said: str, of_image: bool, why: str) -> None:
    assert (is_about_the_image(said), reason(said)) == (of_image, why)
