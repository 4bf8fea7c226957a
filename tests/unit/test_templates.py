"""The templates that came with this code are found."""

from pathlib import Path

import pytest

from deployhost import templates


def test_they_are_read_by_name() -> None:
    assert "deployhost" in templates.read_template("systemd/deployhostd.service")


def test_an_installation_without_them_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "__file__", str(tmp_path / "deployhost/templates.py"))
    with pytest.raises(FileNotFoundError, match="install deployhost again"):
        templates.templates_dir.__wrapped__()


@pytest.mark.parametrize("place", ["deployhost/templates", "templates"])
def test_inside_the_package_or_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    monkeypatch.setattr(templates, "__file__", str(tmp_path / "deployhost/templates.py"))
    assert templates.templates_dir.__wrapped__() == tmp_path / place
