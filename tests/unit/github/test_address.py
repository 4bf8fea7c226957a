"""A repository as people name it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.errors import InvalidName
from deployhost.github.address import repository_address

GITHUB = "https://github.com"


@pytest.mark.parametrize(
    ("text", "host", "name"),
    [
        ("acme/shop", "", "acme/shop"),
        ("acme/shop.git", "", "acme/shop"),
        ("https://github.com/acme/shop", GITHUB, "acme/shop"),
        ("https://www.github.com/acme/shop/", GITHUB, "acme/shop"),
        ("http://GitHub.com/Acme/Shop.git", GITHUB, "Acme/Shop"),
        ("https://github.com/acme/shop/tree/main/src?x=1#L3", GITHUB, "acme/shop"),
        ("https://git.acme.com:8443/acme/shop.js", "https://git.acme.com:8443", "acme/shop.js"),
        ("git@github.com:acme/shop.git", GITHUB, "acme/shop"),
        ("ssh://git@github.com/acme/shop.git", GITHUB, "acme/shop"),
        ("ssh://git@git.acme.com:22/acme/shop", "https://git.acme.com", "acme/shop"),
    ],
)
def test_an_address(text: str, host: str, name: str) -> None:
    assert repository_address(text) == (host, name)


@pytest.mark.parametrize(
    "text",
    ["", "/", "acme", "acme/", "a/b/c", "../x", "https://github.com/acme", "https://github.com/", "https://u:p@github.com/a/b",
     "file:///etc/passwd", "git@github.com:acme", "acme/shop\n", "-o/x", "ext::sh -c x/y", "https://github.com/a b/c"],
)  # fmt: skip
def test_no_address(text: str) -> None:
    with pytest.raises(InvalidName) as failed:
        repository_address(text)
    assert failed.value.hint == "deployhost add OWNER/REPO"


@given(st.text(max_size=40))
def test_anything_is_an_address_or_refused(text: str) -> None:
    try:
        host, name = repository_address(text)
    except InvalidName:
        return
    assert name.count("/") == 1
    assert host == "" or host.startswith("https://")
