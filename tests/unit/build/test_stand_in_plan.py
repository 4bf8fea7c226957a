"""Which reference is imitated, with what, and what is said of the difference."""

import pytest

from deployhost.build.labels import STAND_IN_LABEL
from deployhost.build.registries import Reference
from deployhost.build.stand_in_plan import recipe_for


@pytest.mark.parametrize(
    ("text", "key", "suite", "warning"),
    [
        ("python:3.13-slim", "python-3.13", "trixie", ""),
        ("python:3.13-slim-bookworm", "python-3.13", "trixie", ""),
        ("python:3-slim", "python-3.13", "trixie", ""),
        ("python:3.13", "python-3.13-full", "trixie", ""),
        ("python", "python-3.13-full", "trixie", ""),
        ("python:3.11-slim", "python-3.11", "bookworm", ""),
        ("python:3.12-slim", "python-3.13", "trixie", "Python 3.13 from Debian 13 stands in for Python 3.12"),
        ("python:3.14-slim", "python-3.13", "trixie", "Python 3.13 from Debian 13 stands in for Python 3.14"),
        ("python:3.9-slim", "python-3.11", "bookworm", "Python 3.11 from Debian 12 stands in for Python 3.9"),
        ("python:3.13.1-slim", "python-3.13", "trixie", "Python 3.13 from Debian 13 stands in for Python 3.13.1"),
        ("node:24-slim", "node-24", "trixie", ""),
        ("node:lts-slim", "node-24", "trixie", ""),
        ("node:jod-slim", "node-22", "trixie", ""),
        ("node:22-bookworm-slim", "node-22-bookworm", "bookworm", ""),
        ("node:24.9.0-slim", "node-24.9.0", "trixie", ""),
        ("node", "node-latest-full", "trixie", ""),
        ("nginx:stable", "nginx-stable", "trixie", ""),
        ("nginx:1.26", "nginx-stable", "trixie", ""),
        ("nginx:1.29", "nginx-stable", "trixie", "nginx 1.26 from Debian 13 stands in for nginx 1.29"),
        ("nginx:mainline", "nginx-stable", "trixie", "nginx 1.26 from Debian 13 stands in for nginx mainline"),
        ("debian:trixie-slim", "debian-13", "trixie", ""),
        ("debian:12", "debian-12", "bookworm", ""),
        ("debian:12.5-slim", "debian-12", "bookworm", ""),
        ("debian:bookworm-20250520-slim", "debian-12", "bookworm", ""),
        ("debian:stable-slim", "debian-13", "trixie", ""),
        ("debian", "debian-13", "trixie", ""),
        ("debian:sid", "debian-13", "trixie", "a Debian 13 system stands in for debian sid"),
        ("debian:bullseye", "debian-12", "bookworm", "a Debian 12 system stands in for debian bullseye"),
        ("ubuntu:24.04", "debian-13", "trixie", "a Debian 13 system stands in for Ubuntu 24.04"),
        ("ubuntu:jammy", "debian-12", "bookworm", "a Debian 12 system stands in for Ubuntu jammy"),
    ],
)
def test_what_stands_in(text: str, key: str, suite: str, warning: str) -> None:
    recipe = recipe_for(Reference.parse(text))
    assert recipe is not None
    assert (recipe.key, recipe.suite, recipe.warning) == (key, suite, warning)


@pytest.mark.parametrize(
    "text",
    [
        "python:3.13-alpine",
        "node:24-alpine3.20",
        "nginx:stable-perl",
        "python:2.7",
        "ruby:3.4",
        "acme/python:3",
        "ghcr.io/library/python:3",
        "python@sha256:aa",
        "docker/dockerfile:1",
    ],
)
def test_what_can_not_be_imitated(text: str) -> None:
    assert recipe_for(Reference.parse(text)) is None


@pytest.mark.parametrize("text", ["python:3.13-slim", "node:24-slim", "nginx:stable", "debian:13"])
def test_every_stand_in_says_what_it_is(text: str) -> None:
    recipe = recipe_for(Reference.parse(text))
    assert recipe is not None
    assert f"LABEL {STAND_IN_LABEL}={recipe.key}" in recipe.changes


def test_a_full_image_has_a_compiler_and_a_slim_one_none() -> None:
    full, slim = recipe_for(Reference.parse("python:3.13")), recipe_for(Reference.parse("python:3.13-slim"))
    assert full is not None
    assert slim is not None
    assert {"build-essential", "python3-dev", "git"} <= set(full.packages) - set(slim.packages)


def test_python_is_where_the_official_image_has_it() -> None:
    recipe = recipe_for(Reference.parse("python:3.11-slim"))
    assert recipe is not None
    assert recipe.links["usr/local/bin/python"] == recipe.links["usr/local/bin/python3.11"] == "/usr/bin/python3.11"
    assert "path-exclude=/usr/lib/python3*/EXTERNALLY-MANAGED" in recipe.excluded
