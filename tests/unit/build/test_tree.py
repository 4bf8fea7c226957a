"""Trees of files that can only be read."""

import codecs

import pytest

from deployhost.build.tree import READ_LIMIT, FolderTree, MemoryTree, decode, is_safe_path, line_of, printable

FILES = {"a.py": "1", "web/index.html": "2", "web/js/app.js": "3", "website/x": "4"}


@pytest.mark.parametrize(
    ("deep", "paths", "dirs"), [(False, ["index.html"], [""]), (True, ["index.html", "js/app.js"], ["", "js"])]
)
def test_a_folder_as_a_tree(deep: bool, paths: list[str], dirs: list[str]) -> None:
    tree = FolderTree(MemoryTree(FILES), "web", deep=deep)
    assert tree.paths() == paths
    assert [path for path in paths if not tree.exists(path)] == []
    assert [name for name in ("", "js", "web") if tree.is_dir(name)] == dirs
    assert (tree.read("index.html"), tree.size("index.html"), tree.is_lost("x")) == ("2", 1, False)


def test_printable() -> None:
    assert printable("a\x1b[1mé") == "a?[1mé"


def test_memory_tree() -> None:
    tree = MemoryTree({"a/b/c.txt": "1", "d": "ü"})
    assert tree.paths() == ["a/b/c.txt", "d"]
    assert tree.exists("d")
    assert not tree.exists("a")
    assert all(tree.is_dir(one) for one in ("", "a", "a/b", "a/b/"))
    assert not tree.is_dir("d")
    assert (tree.read("d"), tree.size("d")) == ("ü", 2)
    with pytest.raises(KeyError):
        tree.read("x")
    assert len(MemoryTree({"x": "a" * (READ_LIMIT + 9)}).read("x")) == READ_LIMIT


def test_bytes_are_read_by_their_mark() -> None:
    assert decode(codecs.BOM_UTF16_LE + "flask".encode("utf-16-le")) == "flask"
    assert decode(codecs.BOM_UTF8 + b"x") == "x"
    assert decode(b"\xff\x00a") == "\ufffd\x00a"


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("a/b-c.txt", True),
        ("a b", False),
        ("../x", False),
        ("a/../b", False),
        ("/a", False),
        ("$x", False),
        ("-x", False),
        ("a\n", False),
    ],
)
def test_safe_paths(path: str, safe: bool) -> None:
    assert is_safe_path(path) is safe


def test_line_of() -> None:
    assert line_of("a\nb\nc b", "b") == 2
    assert line_of("a", "z") is None
