"""Whether an app's build may take from an image."""

import pytest

from deployhost.build.registries import Reference
from deployhost.build.sources.names import in_full
from deployhost.build.sources.sources_plan import ImageVerdict, Origin, is_frontend, refusal, verdict
from deployhost.model import AppName

SHOP = AppName("shop")
USE, GET = ImageVerdict.USE, ImageVerdict.GET


def named(text: str) -> Reference:
    found = in_full(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        *(
            "127.0.0.1:5555/other",
            "127.0.0.1:5555/shop/x",
            "127.0.0.1:5555/shop-web",
            "localhost:5555/shop",
            "[::1]:5555/shop",
        ),
        *(
            "0.0.0.0:5555/shop",
            "127.0.0.1:05555/shop",
            "127.1:5555/other",
            "a.example:5555/other",
            "registry.example/a",
        ),
        *("localhost/a", "host.docker.internal:5000/a", "169.254.169.254/a", "10.0.0.1:5000/a", "evil.example:443/a"),
    ],
)
def test_refused_by_name(text: str) -> None:
    assert refusal(named(text), SHOP, ())


@pytest.mark.parametrize("text", ["alpine", "a/b", "ghcr.io/a/b", "127.0.0.1:5555/shop:1", "quay.io/a"])
def test_allowed_by_name(text: str) -> None:
    assert refusal(named(text), SHOP, ()) == ""


def test_its_owner_may_name_registries_but_never_ours() -> None:
    assert refusal(named("10.0.0.1:5000/a"), SHOP, {"10.0.0.1:5000"}) == ""
    assert refusal(named("127.0.0.1:5555/other"), SHOP, {"127.0.0.1:5555"})


@pytest.mark.parametrize(
    ("text", "origin", "stand_in", "expected"),
    [
        ("alpine", Origin.ABSENT, False, GET),
        ("alpine", Origin.PULLED, False, USE),
        ("python:3.13", Origin.STAND_IN, True, USE),
        ("python:3.13", Origin.STAND_IN, False, GET),
        ("python:3.13", Origin.MADE_HERE, True, GET),
        ("acme/base", Origin.MADE_HERE, True, None),
        ("deployhost/stand-in:python-3.13", Origin.MADE_HERE, True, None),
        ("127.0.0.1:5555/shop:1", Origin.MADE_HERE, False, USE),
        ("127.0.0.1:5555/shop:1", Origin.ABSENT, False, None),
    ],
)
def test_by_where_it_came_from(text: str, origin: Origin, stand_in: bool, expected: ImageVerdict | None) -> None:
    assert verdict(named(text), origin, stand_in=stand_in) is expected


def test_dockers_own_frontend() -> None:
    assert is_frontend(named("docker/dockerfile:1"))
    assert is_frontend(named("docker.io/docker/dockerfile"))
    assert not is_frontend(named("ghcr.io/docker/dockerfile"))
    assert not is_frontend(named("docker/dockerfile2"))
