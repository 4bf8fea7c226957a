"""Which lines bring the packet filter's rules to what is wanted, and which rules decide before others."""

import pytest

from deployhost.system import filter_rules
from deployhost.system.filter_rules import elsewhere, keep_chain, keep_jumps, lets_through

JUMP = "-A INPUT -i br-1 -j OURS"


def test_a_chain_is_written_anew_unless_it_says_the_same() -> None:
    rules = ["-A OURS -m mac --mac-source 02:00:00:00:00:0a -j RETURN"]
    there = ["-N OURS", *(rule.replace("0a", "0A") for rule in rules)]
    assert keep_chain("OURS", rules, there) == []
    assert keep_chain("OURS", rules, there[:1]) == [":OURS - [0:0]", *rules]
    assert keep_chain("OURS", [], []) == [":OURS - [0:0]"]


@pytest.mark.parametrize(
    ("current", "lines"),
    [
        ([], ["-I INPUT 1 -i br-1 -j OURS"]),
        ([JUMP], []),
        ([JUMP, JUMP], ["-D INPUT -i br-1 -j OURS", "-D INPUT -i br-1 -j OURS", "-I INPUT 1 -i br-1 -j OURS"]),
        (["-A INPUT -i br-2 -j OURS", JUMP], ["-D INPUT -i br-2 -j OURS"]),
        (["-A INPUT -i eth0 -j ACCEPT", "-A INPUT -p tcp -j DROP", JUMP], []),
        (["-A INPUT -j ACCEPT", JUMP], ["-D INPUT -i br-1 -j OURS", "-I INPUT 1 -i br-1 -j OURS"]),
    ],
)
def test_a_chain_is_asked_once_and_before_who_lets_through(current: list[str], lines: list[str]) -> None:
    assert keep_jumps("OURS", [JUMP], "br-1", current) == lines


def test_who_asks_another_chain_is_wrong() -> None:
    with pytest.raises(ValueError, match="OURS"):
        keep_jumps("OURS", ["-A INPUT -j THEIRS"], "br-1", [])


def test_what_can_not_be_about_an_interface() -> None:
    assert elsewhere("-A INPUT -i eth0 -j ACCEPT", "br-1")
    assert not elsewhere("-A INPUT ! -i eth0 -j ACCEPT", "br-1")
    assert not elsewhere("-A INPUT -i br-+ -j ACCEPT", "br-1")
    assert lets_through("-A INPUT -j MORE", ["-A MORE -p tcp -j ACCEPT"], "br-1")
    assert not lets_through("-A INPUT -j MORE", ["-A MORE -i eth0 -j ACCEPT"], "br-1")


def test_a_chain_is_taken_away_with_who_asks_it() -> None:
    there = ["-N OURS", "-N SHARED", JUMP, "-A OURS -j SHARED", "-A SHARED -j DROP"]
    assert filter_rules.removal(["OURS", "SHARED"], there) == [
        "-D INPUT -i br-1 -j OURS", "-F OURS", "-F SHARED", "-X OURS", "-X SHARED",
    ]  # fmt: skip
    assert filter_rules.removal(["OURS"], ["-A INPUT -j THEIRS"]) == []
