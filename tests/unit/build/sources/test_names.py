"""Images' names as Docker reads them."""

import pytest

from deployhost.build.sources.names import in_full, is_known

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("alpine", "docker.io/library/alpine:latest", "alpine:latest"),
        ("a/b:1", "docker.io/a/b:1", "a/b:1"),
        ("docker.io/a", "docker.io/library/a:latest", "a:latest"),
        ("index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"),
        ("localhost/a", "localhost/a:latest", "localhost/a:latest"),
        ("LOCALHOST:5555/a", "localhost:5555/a:latest", "localhost:5555/a:latest"),
        ("LocalHost/a", "localhost/a:latest", "localhost/a:latest"),
        ("[::1]:5555/a/b:c", "[::1]:5555/a/b:c", "[::1]:5555/a/b:c"),
        ("127.0.0.1:05555/a", "127.0.0.1:05555/a:latest", "127.0.0.1:05555/a:latest"),
        (f"ghcr.io/a/b@{DIGEST}", f"ghcr.io/a/b@{DIGEST}", f"ghcr.io/a/b@{DIGEST}"),
        (f"a:1@{DIGEST}", f"docker.io/library/a:1@{DIGEST}", f"a:1@{DIGEST}"),
        ("a__b.c-d--e", "docker.io/library/a__b.c-d--e:latest", "a__b.c-d--e:latest"),
    ],
)
def test_in_full(text: str, full: str, familiar: str) -> None:
    found = in_full(text)
    assert found is not None
    assert (found.full, found.familiar) == (full, familiar)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "a:",
        "a b",
        "a@x",
        f"a@{DIGEST}0",
        "0" * 64,
        "a//b",
        "/a",
        "a/",
        "-a",
        "a:$X",
        "http://a/b",
        "a.b:x/c",
        "::1/a",
        "a" * 300,
    ],
)
def test_what_is_not_the_name_of_an_image(text: str) -> None:
    assert in_full(text) is None


@pytest.mark.parametrize(
    "registry",
    ["docker.io", "ghcr.io", "eu.gcr.io", "europe-docker.pkg.dev", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"],
)
def test_registries_that_are_known(registry: str) -> None:
    assert is_known(registry)


@pytest.mark.parametrize(
    "registry",
    [
        "localhost",
        "localhost:5555",
        "gcr.io.example.com",
        "xgcr.io",
        "ghcr.io:5555",
        "127.0.0.1",
        "[::1]",
        "evil.example",
    ],
)
def test_registries_that_are_not(registry: str) -> None:
    assert not is_known(registry)
