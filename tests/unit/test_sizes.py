"""Bytes as people, Docker and server.yml have them."""

import pytest

from deployhost.sizes import UNITS, readable_size, size_setting, size_text


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


@pytest.mark.parametrize(
    ("amount", "text"), [(512 * 1024**2, "512m"), (3 * 1024**3, "3g"), (1536 * 1024**2, "1536m"), (1025, "1025b")]
)
def test_size_text_is_exact(amount: int, text: str) -> None:
    assert size_text(amount) == text
    assert int(text[:-1]) * UNITS[text[-1]] == amount


@pytest.mark.parametrize(
    ("amount", "text"), [(-5, "0m"), (512 * 1024**2 + 7, "512m"), (1536 * 1024**2, "1.5g"), (2 * 1024**3, "2g")]
)
def test_size_setting_is_rounded(amount: int, text: str) -> None:
    assert size_setting(amount) == text
