"""Trees from the disk: nothing outside them exists."""

from pathlib import Path

import pytest

from deployhost.build.directory import MAX_FILES, DirectoryTree, load_templates
from deployhost.build.plan import plan_build
from deployhost.build.tree import MemoryTree
from deployhost.errors import FileProblem


def test_the_templates_are_here() -> None:
    found = load_templates()
    assert len(found) > 3
    assert all(found.values())


def test_what_is_gone_meanwhile_and_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("")
    for name, target in (("inside", "app.py"), ("outside", "/etc/passwd"), ("nowhere", "gone"), ("loop", "loop")):
        (tmp_path / name).symlink_to(target)
    tree = DirectoryTree(tmp_path)
    assert [name for name in ("inside", "outside", "nowhere", "loop", "x") if tree.is_lost(name)] == [
        "outside",
        "nowhere",
        "loop",
    ]
    (tmp_path / "app.py").unlink()
    for ask in (tree.read, tree.size):
        with pytest.raises(FileProblem, match="No such file"):
            ask("app.py")


def test_directory_tree_stays_inside(tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    root = tmp_path / "repo"
    for folder in ("app", ".git", "node_modules/x", "deep/.venv"):
        (root / folder).mkdir(parents=True)
    for name in ("app/main.py", ".git/config", "node_modules/x/index.js", "deep/.venv/y.py", "deep/z.py"):
        (root / name).write_text(name)
    (root / "link.py").symlink_to("app/main.py")
    (root / "escape.txt").symlink_to("../outside.txt")
    (root / "up").symlink_to("..")
    (root / "gone").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")
    tree = DirectoryTree(root)
    assert tree.paths() == ["app/main.py", "deep/z.py", "link.py"]
    assert (tree.read("link.py"), tree.size("app/main.py")) == ("app/main.py", 11)
    assert tree.is_dir("deep")
    assert not tree.exists("escape.txt")
    with pytest.raises(KeyError):
        tree.read("../outside.txt")
    with pytest.raises(FileProblem):
        DirectoryTree(root / "nothing")


def test_directory_tree_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployhost.build.directory.MAX_FILES", 3)
    (tmp_path / "sub").mkdir()
    for number in range(5):
        (tmp_path / "sub" / str(number)).write_text("")
    (tmp_path / "z").write_text("")
    assert DirectoryTree(tmp_path).paths() == ["sub/0", "sub/1", "z"]
    assert MAX_FILES == 20_000


def test_a_directory_is_planned_like_a_tree_in_memory(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"\xff\xfe<\x00")
    templates = load_templates()
    assert plan_build(DirectoryTree(tmp_path), templates=templates) == plan_build(
        MemoryTree({"index.html": ""}), templates=templates
    )
