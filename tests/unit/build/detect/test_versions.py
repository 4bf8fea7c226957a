"""Versions that repositories wish for, and which of ours meet them."""

import pytest

from deployhost.build.detect.versions import NODE, PYTHON, node_matching, python_matching


@pytest.mark.parametrize(
    ("wish", "fitting"),
    [
        (">=3.12", ("3.12", "3.13", "3.14")),
        ("==3.12.4", ("3.12",)),
        ("~=3.11", ("3.11", "3.12", "3.13", "3.14")),
        ("python-3.13.1", ("3.13",)),
        ("3.14", ("3.14",)),
        ("3.13.0rc1", ("3.13",)),
        ("pypy3.10", ()),
        (">=4", ()),
        ("^3.11", ()),
    ],
)
def test_python_versions(wish: str, fitting: tuple[str, ...]) -> None:
    assert python_matching(wish) == fitting


@pytest.mark.parametrize(
    ("wish", "fitting"),
    [
        (">=18", ("24", "22", "20")),
        ("^22.3.0", ("22",)),
        ("20.x", ("20",)),
        ("v24.1.0", ("24",)),
        (">=20 <24", ("22", "20")),
        (">=20.0.0 <22.5", ("22", "20")),
        (">20", ("24", "22")),
        ("18 || 22", ("22",)),
        ("18 - 22", ("22", "20")),
        ("lts/*", ("24",)),
        ("lts/iron", ("20",)),
        ("lts/boron", ()),
        ("*", ("24", "22", "20")),
        ("16", ()),
        ("nonsense", ()),
    ],
)
def test_node_versions(wish: str, fitting: tuple[str, ...]) -> None:
    assert node_matching(wish) == fitting


def test_defaults_are_supported() -> None:
    assert all(one.default in one.supported and set(one.ended) <= set(one.supported) for one in (PYTHON, NODE))
