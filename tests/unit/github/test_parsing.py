"""GitHub's JSON as values: what is used of it has to be there, and the rest does not matter."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.errors import ProviderUnavailable
from deployhost.github.answers import HookConfig, HttpAnswer
from deployhost.github.parsing import (
    read,
    read_app,
    read_hook,
    read_installation,
    read_new_app,
    read_repository,
    read_token,
)
from deployhost.model import Secret

OWNER = {"login": "octo", "id": 1, "type": "User"}
REPOSITORY = {
    "id": 5, "owner": OWNER, "name": "shop", "default_branch": "main", "private": True, "archived": False, "size": 7,
    "clone_url": "https://github.com/octo/shop.git", "html_url": "https://github.com/octo/shop", "more": None,
}  # fmt: skip
INSTALLATION = {
    "id": 9, "account": OWNER, "repository_selection": "selected", "suspended_at": None, "html_url": "https://github.com/x",
    "permissions": {"contents": "read"}, "events": ["push"],
}  # fmt: skip
NEW_APP = {
    "id": 3, "slug": "deployhost-x", "client_id": "Iv1.x", "owner": OWNER, "html_url": "https://github.com/apps/deployhost-x",
    "pem": "-----BEGIN", "webhook_secret": None, "client_secret": "not kept",
}  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    max_leaves=4,
)


def test_values() -> None:
    repository = read(read_repository, HttpAnswer(200, {"etag": 'W/"x"'}, REPOSITORY), "reading")
    assert (repository.full_name, repository.id, repository.etag) == ("octo/shop", 5, 'W/"x"')
    assert not read_installation(INSTALLATION).suspended
    assert read_installation(INSTALLATION | {"suspended_at": "2026-01-01T00:00:00Z"}).suspended
    assert read_new_app(NEW_APP, "").webhook_secret is None
    assert read_new_app(NEW_APP | {"webhook_secret": "s"}, "").webhook_secret == Secret("s")
    assert read_new_app(NEW_APP | {"owner": OWNER | {"type": "Organization"}}, "").kind == "organization"
    assert "not kept" not in str(vars(read_new_app(NEW_APP, "")))
    assert read_token({"token": "ghs_1", "expires_at": "2016-07-11T22:14:10Z"}, "").expires_at == 1468275250.0
    assert read_hook({}, "") == HookConfig("", "form", has_secret=False)
    assert read_hook(
        {"url": "https://x", "content_type": "json", "secret": "********", "insecure_ssl": 1}, ""
    ) == HookConfig("https://x", "json", has_secret=True, insecure_ssl=True)


@pytest.mark.parametrize("changed", [{"token": "ghs_ü"}, {"token": "ghs_\n"}, {"expires_at": "soon"}])
def test_a_token_that_is_of_no_use(changed: dict[str, str]) -> None:
    body = {"token": "ghs_1", "expires_at": "2016-07-11T22:14:10Z"} | changed
    with pytest.raises(ProviderUnavailable):
        read(read_token, HttpAnswer(201, {}, body), "getting a token")


@pytest.mark.parametrize("missing", sorted(NEW_APP.keys() - {"client_secret"}))
def test_what_lacks_something_is_no_answer(missing: str) -> None:
    body = {name: value for name, value in NEW_APP.items() if name != missing}
    with pytest.raises(ProviderUnavailable, match=r"the answer is not GitHub's on fetching \(201\)") as raised:
        read(read_new_app, HttpAnswer(201, {}, body), "fetching")
    assert raised.value.__cause__ is None


@given(
    st.sampled_from([read_repository, read_app, read_new_app, read_token, lambda body, _: read_installation(body)]),
    st.sampled_from([REPOSITORY, INSTALLATION, NEW_APP, {}]),
    st.dictionaries(
        st.sampled_from(["id", "owner", "account", "permissions", "pem", "token", "expires_at", "events"]), ANYTHING
    ),
)
def test_whatever_comes_is_a_value_or_an_error_of_ours(
    reader: object, body: dict[str, object], change: dict[str, object]
) -> None:
    with contextlib.suppress(ProviderUnavailable):
        read(reader, HttpAnswer(200, {}, body | change), "reading")  # type: ignore[arg-type]
