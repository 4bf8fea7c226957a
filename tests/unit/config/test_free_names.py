"""Whether names and domains are free in apps.yml."""

from pathlib import Path

import pytest

from deployhost.config.apps import AppsFile, check_free, load
from deployhost.config.free_names import refuse_new, refuse_taken
from deployhost.errors import Conflict, InvalidConfig
from deployhost.model import AppName, Domain

SHOP, BLOG = AppName("shop"), AppName("blog")
HOST = Domain("shop.example.com")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "apps.yml"
    path.write_text(f"apps:\n  shop:\n    domains: [{HOST}, blog.localhost]\n")
    return path


@pytest.fixture
def now(path: Path) -> AppsFile:
    return load(path)


def test_a_domain_has_one_app(now: AppsFile) -> None:
    refuse_taken(now, SHOP, [HOST])
    refuse_taken(now, BLOG, [Domain("blog.example.com")])
    with pytest.raises(Conflict, match=r"shop\.example\.com belongs to shop") as taken:
        refuse_taken(now, BLOG, [HOST])
    assert taken.value.hint == f"deployhost domains remove shop {HOST}"


def test_a_new_app(now: AppsFile) -> None:
    refuse_new(now, AppName("site"), [])
    with pytest.raises(Conflict, match="there is an app shop already"):
        refuse_new(now, SHOP, [])
    with pytest.raises(Conflict, match=r"blog\.localhost is a domain of shop already"):
        refuse_new(now, BLOG, [])


def test_before_anything_is_written(path: Path) -> None:
    check_free(path, SHOP, [HOST])
    check_free(path, AppName("site"), [Domain("site.example.com")])
    with pytest.raises(Conflict):
        check_free(path, AppName("site"), [HOST])
    path.write_text(path.read_text() + "  blog:\n    memory: lots\n")
    check_free(path, SHOP, [])  # what it has is its own
    with pytest.raises(InvalidConfig):
        check_free(path, SHOP, [HOST])
    with pytest.raises(InvalidConfig):
        check_free(path, AppName("site"), [])
