"""Capabilities: none, but for a repository's own image that starts as root."""

import pytest

from deployhost.containers.capabilities import OF_ROOT, capabilities


@pytest.mark.parametrize("user", ["", "root", "0", "0:0", "root:staff", "00"])
def test_an_own_dockerfile_that_starts_as_root(user: str) -> None:
    assert capabilities(generated=False, user=user) == OF_ROOT
    assert capabilities(generated=True, user=user) == ()


@pytest.mark.parametrize("user", ["app", "1000", "1000:0", "rooty", "\u0660"])
def test_everybody_else(user: str) -> None:
    assert capabilities(generated=False, user=user) == ()


def test_all_others_are_dropped_and_those_are_few() -> None:
    assert list(OF_ROOT) == sorted(OF_ROOT)
    assert not {"NET_RAW", "MKNOD", "SYS_CHROOT", "SYS_ADMIN"} & set(OF_ROOT)
