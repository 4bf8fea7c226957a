"""Secrets are hidden in texts, also line by line."""

from hypothesis import given
from hypothesis import strategies as st

from deployhost.journal.redactor import Redactor
from deployhost.model import Secret

PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nshort\n-----END KEY-----\n"


def redacted(text: str, *secrets: str) -> str:
    return Redactor(frozenset(map(Secret, secrets))).redacted(text)


def test_secrets_are_hidden_in_texts() -> None:
    assert redacted("the token is abcdefgh.", "abcdefgh") == "the token is ***."
    assert redacted("it failed with 1", "1", "true", "") == "it failed with 1", "short values are no secrets"
    assert redacted("abcdefgh-suffix", "abcdefgh", "abcdefgh-suffix") == "***", "the longest first"
    assert redacted(f"key: {PEM}", PEM) == "key: ***"
    assert redacted("line 2: MIIEvQIBADANBg, then short", PEM) == "line 2: ***, then short"
    assert redacted("nothing to hide") == "nothing to hide"


@given(st.lists(st.text("ab*\n", max_size=12), max_size=4), st.text("ab*\n", max_size=60))
def test_no_secret_is_left(secrets: list[str], text: str) -> None:
    """The value itself, and each of its lines, but for what is too short to be a secret."""
    parts = {part for value in secrets for part in (value, *value.splitlines()) if len(part) >= 8}
    found = redacted(text, *secrets)
    assert not [part for part in parts if part in found and "*" not in part]
    assert len(found) <= len(text)
    assert redacted(text, *reversed(secrets)) == found
