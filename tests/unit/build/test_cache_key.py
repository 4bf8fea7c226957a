"""An app's cache key: made once, root's only, and neither of what it gives tells the other."""

from pathlib import Path

from deployhost.build.cache_key import NAME, cache_key


def test_it_is_made_once_and_only_root_reads_it(tmp_path: Path) -> None:
    key = cache_key(tmp_path)
    assert cache_key(tmp_path) == key
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    (tmp_path / "other").mkdir()
    assert cache_key(tmp_path / "other") != key


def test_one_that_is_cut_off_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("abc\n")
    assert len(cache_key(tmp_path).secret) == 64


def test_what_it_gives(tmp_path: Path) -> None:
    key = cache_key(tmp_path)
    assert key.namespace not in key.host
    assert key.secret not in key.namespace + key.host
    assert len(key.host) < 64, "the longest label of a name"
