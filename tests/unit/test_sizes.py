"""Bytes as people, Docker and server.yml have them."""

import pytest

from deployhost.sizes import readable_size


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "0 MB"),
        (312 * 1024**2, "312 MB"),
        (1024**3, "1 GB"),
        (42 * 1024**3 // 10, "4.2 GB"),
        (100 * 1024**3, "100 GB"),
    ],
)
def test_readable_size(amount: int, shown: str) -> None:
    assert readable_size(amount) == shown
