"""Arguments as a person types them."""

import pytest

from deployhost.cli.arguments import to_domain
from deployhost.errors import InvalidName


@pytest.mark.parametrize("text", ["shop.example.com", " Shop.Example.COM ", "shop.example.com."])
def test_a_domain(text: str) -> None:
    assert to_domain(text) == "shop.example.com"


@pytest.mark.parametrize("text", ["", ".", "https://shop.example.com", "shop.example.com.."])
def test_what_is_no_domain(text: str) -> None:
    with pytest.raises(InvalidName):
        to_domain(text)
