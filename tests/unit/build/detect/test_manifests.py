"""Manifests of a repository: read whatever is in them, or refused with the reason."""

import pytest

from deployhost.build.detect.manifests import BadManifest, read_json, read_toml, strings, table, text_of
from deployhost.build.tree import READ_LIMIT, MemoryTree


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"m is not valid JSON: .* \(line 1\)"),
        ("[1]", "m must hold a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", "a number too long"),
        ("x" * (READ_LIMIT + 1), "too large to be read"),
    ],
)
def test_bad_json(text: str, said: str) -> None:
    with pytest.raises(BadManifest, match=said):
        read_json(MemoryTree({"m": text}), "m")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[project", "m is not valid TOML: "),
        ("a" + ".a" * 2000 + " = 1", "nested too deeply"),
        ("x" * (READ_LIMIT + 1), "too large to be read"),
    ],
)
def test_bad_toml(text: str, said: str) -> None:
    with pytest.raises(BadManifest, match=said):
        read_toml(MemoryTree({"m": text}), "m")


def test_values_of_another_type_are_left_out() -> None:
    found = read_toml(MemoryTree({"m": '[project]\nname = " shop "\nkeywords = ["a", 1]\n'}), "m")
    assert table(found, "project", "scripts") == table(found, "project", "name") == table(None, "x") == {}
    project = table(found, "project")
    assert (text_of(project["name"]), text_of(1), text_of(None)) == ("shop", "", "")
    assert (strings(project["keywords"]), strings("ab"), strings(None)) == (["a"], [], [])
    assert read_json(MemoryTree({"m": '{"a": 1}'}), "m") == {"a": 1}
