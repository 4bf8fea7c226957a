"""Patterns of a .dockerignore cover what moby/patternmatcher's own expression covers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployhost.build.ignore import left_out
from deployhost.build.ignore_pattern import Pattern
from deployhost.build.tree import FolderTree, MemoryTree


def expression(pattern: str) -> re.Pattern[str]:
    """Return what moby/patternmatcher compiles (patternmatcher.go), and that what lies in a covered folder is covered."""
    found, text = "", pattern.strip("/")
    while text:
        if text.startswith("**"):
            text = text[2:]
            slash = text.startswith("/")
            text = text.removeprefix("/")
            found += "(.*/)?" if text or slash else ".*"
        else:
            found += {"*": "[^/]*", "?": "[^/]"}.get(text[0], re.escape(text[0]))
            text = text[1:]
    return re.compile(f"{found}(?:/.*)?\\Z", re.DOTALL)


PIECES = st.lists(st.sampled_from(["a", "b", "ab", "/", "*", "**", "**/", "?"]), min_size=1, max_size=8)


@given(PIECES.map("".join).filter(lambda text: text.strip("/") != ""), st.text("ab/", max_size=10))
def test_it_covers_what_dockers_does(pattern: str, path: str) -> None:
    assert Pattern(pattern).covers(path) == (expression(pattern).match(path) is not None)


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("**/*.pem", "a.pem", True),
        ("**/*.pem", "x/y/a.pem", True),
        ("*.pem", "x/a.pem", False),
        ("certs", "certs/ca.pem", True),
        ("certs", "certs2/ca.pem", False),
        ("/certs/", "certs/ca.pem", True),
        ("**", "a/b", True),
        ("a/**", "a/b/c", True),
        ("a/**/c", "a/c", True),
        ("a?c", "a/c", False),
        ("[ab].pem", "[ab].pem", True),
    ],
)
def test_some_by_hand(pattern: str, path: str, covered: bool) -> None:
    assert Pattern(pattern).covers(path) is covered


def test_of_very_many_secrets_the_first_are_named() -> None:
    (said,) = left_out(MemoryTree({f"{number:03}.pem": "" for number in range(100)}))
    assert "000.pem, 001.pem, 002.pem, 003.pem, 004.pem and more" in said
    (said,) = left_out(MemoryTree({f"{number:03}.pem": "" for number in range(7)}))
    assert "004.pem and 2 more" in said


def test_a_folder_as_a_tree() -> None:
    tree = FolderTree(MemoryTree({"a/x": "one", "a/b/y": "", "ab/z": "", "c": ""}), "a")
    assert tree.paths() == ["x"]
    assert (tree.exists("x"), tree.exists("c"), tree.is_dir(""), tree.is_dir("b")) == (True, False, True, False)
    assert (tree.read("x"), tree.size("x")) == ("one", 3)
