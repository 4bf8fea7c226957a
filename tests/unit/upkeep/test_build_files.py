"""What builds leave between them goes with its app, and nothing else does."""

from pathlib import Path

from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.system.git import index_of
from deployhost.upkeep.build_files import remove_build_files


def test_removed_with_its_index(tmp_path: Path) -> None:
    paths, shop, blog = Paths(tmp_path), AppName("shop"), AppName("blog")
    for app in (shop, blog):
        for directory in (paths.build_tree(app), paths.build_work(app)):
            (directory / "deep").mkdir(parents=True)
        index = index_of(paths.build_tree(app))
        index.write_text("index")
        index.with_name(f"{index.name}.lock").write_text("left by a kill")
    remove_build_files(paths, shop)
    remove_build_files(paths, shop)
    index = index_of(paths.build_tree(shop))
    for gone in (paths.build_tree(shop), paths.build_work(shop), index, index.with_name(f"{index.name}.lock")):
        assert not gone.exists()
    assert index_of(paths.build_tree(blog)).read_text() == "index"
    assert (paths.build_tree(blog) / "deep").is_dir()
