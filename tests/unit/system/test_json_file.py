"""Small JSON files: what is not whole counts as empty, and a write leaves nothing beside it."""

from pathlib import Path

import pytest

from deployhost.system.json_file import read_json, write_json


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_json(tmp_path / "note", {"pid": 7})
    write_json(tmp_path / "note", {"pid": 8})
    assert read_json(tmp_path / "note") == {"pid": 8}
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


@pytest.mark.parametrize("text", [None, "", "{", "[1]", "7"])
def test_what_is_not_an_object_is_empty(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "note").write_text(text)
    assert read_json(tmp_path / "note") == {}
