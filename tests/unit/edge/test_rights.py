"""What a token needs, as text and as links that preselect it."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from deployhost.edge.rights import RIGHTS, account_token_link, explanation, is_account_token, user_token_link
from deployhost.model import Secret

GROUPS = [{"key": "argotunnel", "type": "edit"}, {"key": "dns", "type": "edit"}, {"key": "zone", "type": "read"}]


@pytest.mark.parametrize("link", [user_token_link(), account_token_link()])
def test_the_links_preselect_the_rights(link: str) -> None:
    parts = urlsplit(link)
    assert (parts.scheme, parts.hostname) == ("https", "dash.cloudflare.com")
    query = parse_qs(parts.query)
    assert json.loads(query["permissionGroupKeys"][0]) == GROUPS
    assert query["name"] == ["deployhost"]


def test_the_list_is_printed_too() -> None:
    """The links were broken for everybody in April 2026 (cloudflare-docs#29791)."""
    assert [str(right) for right in RIGHTS] == [
        "Account · Cloudflare Tunnel · Edit",
        "Zone · DNS · Edit",
        "Zone · Zone · Read",
    ]
    for token, link in ((None, user_token_link()), (Secret("cfat_0123456789"), account_token_link())):
        lines = "\n".join(explanation(token))
        assert all(str(right) in lines for right in RIGHTS)
        assert link in lines
    assert not is_account_token(Secret("0123456789"))
