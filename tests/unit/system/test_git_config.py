"""A config file read without git says what git says, or says nothing."""

import pytest

from deployhost.system.git_config import lines, plain_values

SETTINGS = {"receive.procReceiveRefs": "refs", "receive.denyDeletes": "false", "gc.auto": "500"}


def test_what_git_writes() -> None:
    text = (
        '[core]\n\tbare = true\n[receive]\n\tprocReceiveRefs = refs\n\n[remote "a/B"]\n\turl = /srv/x.git\n# a word\n'
    )
    expected = {"core.bare": ["true"], "receive.procreceiverefs": ["refs"], "remote.a/B.url": ["/srv/x.git"]}
    assert plain_values(text) == expected
    assert plain_values(lines(SETTINGS)) == {name.lower(): [value] for name, value in SETTINGS.items()}
    assert plain_values("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "[include]\n\tpath = other",
        '[includeIf "gitdir:/"]\n\tpath = other',
        '[gc]\n\tauto = "500"',
        "[gc]\n\tauto = 50\\\n0",
        "[gc]\n\tauto = 500 # or so",
        "[gc]\n\tauto",
        "[gc] auto = 500",
        "auto = 500",
        '[remote "a\\"b"]\n\turl = x',
    ],
)
def test_what_only_git_can_say(text: str) -> None:
    assert plain_values(text) is None


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"])
def test_only_a_newline_ends_a_comment(end: str) -> None:
    assert plain_values(f"[gc]\n# a word{end}auto = 500\n") == {}
    assert plain_values(f"[gc]\n{end}auto = 500\n") == ({"gc.auto": ["500"]} if end == "\r" else None)
    assert plain_values("[gc]\n\xa0auto = 500\n") is None
