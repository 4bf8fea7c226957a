"""What shows that a record is ours: a comment that is exactly one of ours, of this very server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.edge.ownership import (
    app_comment,
    app_of,
    comment_start,
    is_ours,
    tunnel_name,
    tunnel_target,
    webhook_comment,
)
from deployhost.model import AppName

ID, OTHER = "0123456789", "abcdef0123"


@given(st.from_regex(AppName.pattern, fullmatch=True).map(AppName))
def test_the_comment_of_an_app(app: AppName) -> None:
    comment = app_comment(ID, app)
    assert len(comment) <= 100
    assert comment.startswith(comment_start(ID))
    assert app_of(comment, ID) == app
    assert is_ours(comment, ID)
    assert app_of(comment, OTHER) is None
    assert not is_ours(comment, OTHER)


def test_the_webhooks_comment_is_no_apps() -> None:
    comment = webhook_comment(ID)
    assert is_ours(comment, ID)
    assert app_of(comment, ID) is None
    assert comment != app_comment(ID, AppName("webhook"))


@pytest.mark.parametrize(
    "comment",
    ["", "deployhost", f"deployhost {ID}", f"deployhost {ID} app", f"deployhost {ID} app Shop", f"my deployhost {ID} webhook",
     f"deployhost {ID} webhook\n", f"deployhost {ID} app shop and more", f"deployhost {ID} app -a"],
)  # fmt: skip
def test_comments_of_others(comment: str) -> None:
    assert app_of(comment, ID) is None
    assert not is_ours(comment, ID) or comment == f"deployhost {ID} app -a"


def test_names() -> None:
    assert tunnel_name(ID) == "deployhost-0123456789"
    assert tunnel_target("some-id") == "some-id.cfargotunnel.com"
