"""What builds of an app keep on the disk between them: a cache, which the next build makes anew."""

from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.system.git import index_of
from deployhost.system.tree import discard_tree


def remove_build_files(paths: Paths, app: AppName) -> None:
    """Delete an app's work tree with its index, and what its builds wrote beside it."""
    tree = paths.build_tree(app)
    for directory in (tree, paths.build_work(app)):
        discard_tree(directory)
    index = index_of(tree)
    for file in (index, index.with_name(f"{index.name}.lock")):
        file.unlink(missing_ok=True)
