"""apps.yml as it is now: by its content, not by its time."""

import os
from pathlib import Path

import pytest

from deployhost.config import apps
from deployhost.config.current import Apps
from deployhost.errors import AppNotFound, InvalidConfig
from deployhost.model import AppName

SHOP, BLOG = AppName("shop"), AppName("blog")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "apps.yml"


def test_no_file_has_no_apps(file: Path) -> None:
    current = Apps(file)
    assert current.read() is None
    assert current.known == {}
    with pytest.raises(AppNotFound):
        current.get(SHOP)


def test_a_write_counts_at_once_even_with_the_same_size_and_time(file: Path) -> None:
    current = Apps(file)
    file.write_text("apps:\n  shop:\n    port: 80\n")
    os.utime(file, ns=(1, 1))
    assert current.get(SHOP).port == 80
    file.write_text("apps:\n  shop:\n    port: 81\n")
    os.utime(file, ns=(1, 1))
    assert current.get(SHOP).port == 81


def test_the_same_content_is_parsed_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, parse = [], apps.parse
    monkeypatch.setattr(apps, "parse", lambda *arguments: parsed.append(1) or parse(*arguments))  # type: ignore[func-returns-value]
    current = Apps(file)
    file.write_text("apps:\n  shop:\n")
    for _ in range(3):
        current.get(SHOP)
    file.write_text("apps:\n  shop:\n")
    current.get(SHOP)
    assert len(parsed) == 1


def test_a_mistake_in_one_entry_is_in_no_other_apps_way(file: Path) -> None:
    current = Apps(file)
    file.write_text("apps:\n  shop:\n    prot: 1\n  blog:\n    may_reach: [shop]\n")
    assert current.may_reach() == {SHOP: None, BLOG: (SHOP,)}
    with pytest.raises(InvalidConfig):
        current.get(SHOP)


def test_what_can_not_be_read_is_said_and_forgotten_once_it_is_mended(file: Path) -> None:
    current = Apps(file)
    file.write_text("apps:\n  shop:\n")
    current.get(SHOP)
    file.write_text("apps: [\n")
    with pytest.raises(InvalidConfig):
        current.now()
    file.write_text("apps:\n  shop:\n")
    assert current.get(SHOP).name == SHOP
