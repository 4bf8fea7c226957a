"""An app whose view raised an error."""

from pathlib import Path

import pytest

from deployhost.apps.broken_view import broken
from deployhost.errors import InvalidConfig
from deployhost.model import AppName


@pytest.mark.parametrize(
    ("error", "told"),
    [(InvalidConfig("apps.yml is wrong"), "apps.yml is wrong"), (RecursionError("too deep"), "a defect of deployhost")],
)
def test_it_is_named_with_its_error(error: Exception, told: str) -> None:
    view = broken(AppName("shop"), error, url="http://shop.localhost", repository=Path("/r/shop.git"))
    assert (view["name"], view["state"], view["remote"]) == ("shop", "unknown", "/r/shop.git")
    assert view["note"].startswith(f"it can't be shown: {told}")
