"""Where everything lies: below one root, each thing at a place of its own."""

from pathlib import Path

from deployhost.model import AppName
from deployhost.paths import Paths

SHOP, BLOG = AppName("shop"), AppName("blog")
PLACES = [name for name, one in vars(Paths).items() if isinstance(one, property)]
OF_AN_APP = [Paths.kamal_building, Paths.repo, Paths.build_tree, Paths.build_work, Paths.storage]


def test_all_of_it_is_below_the_root(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    found = [getattr(paths, name) for name in PLACES]
    assert len(set(found)) == len(PLACES) > 15
    assert all(one.is_relative_to(tmp_path) for one in found)
    assert list(tmp_path.iterdir()) == [], "nothing is made"


def test_without_a_root_of_its_own_it_is_this_machines() -> None:
    assert Paths().apps_yml == Path("/etc/deployhost/apps.yml")


def test_what_is_an_apps_is_no_other_apps() -> None:
    found = [place(Paths(), app) for place in OF_AN_APP for app in (SHOP, BLOG)]
    assert len(set(found)) == len(found)
    assert Paths().build_work(SHOP) not in Paths().build_tree(SHOP).parents
    assert not AppName.pattern.fullmatch(Paths().build_work(SHOP).name), "no app can have it for its work tree"
