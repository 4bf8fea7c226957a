"""Commands of repositories, versions that they wish for, and trees."""

import codecs
from pathlib import Path

import pytest

from deployhost.build.detect.commands import read_procfile, simple_argv, with_exec
from deployhost.build.detect.node.package import Package
from deployhost.build.detect.node.start import resolve
from deployhost.build.detect.versions import NODE, PYTHON, node_matching, python_matching
from deployhost.build.directory import MAX_FILES, DirectoryTree, load_templates
from deployhost.build.plan import plan_build
from deployhost.build.tree import READ_LIMIT, MemoryTree, decode, is_safe_path, line_of
from deployhost.errors import FileProblem


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("node server.js", ("node", "server.js")),
        ("node 'a b.js' --x=1", ("node", "a b.js", "--x=1")),
        ("PORT=1 node a", None),
        ("node $X", None),
        ("a && b", None),
        ("cd x", None),
        ("node 'open", None),
        ("", None),
    ],
)
def test_simple_argv(command: str, argv: tuple[str, ...] | None) -> None:
    assert simple_argv(command) == argv


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("gunicorn -b :$PORT a:b", "exec gunicorn -b :$PORT a:b"),
        ("A=1 B='x y' node $X", "exec env A=1 B='x y' node $X"),
        ("migrate && serve $PORT", "migrate && exec serve $PORT"),
        ("echo 'a && b' && run", "echo 'a && b' && exec run"),
        ("a | b", "a | b"),
        ("a; b", "a; b"),
        ("a || b", "a || b"),
        ("a $(b)", "a $(b)"),
        ("cd x && exec y", "cd x && exec y"),
        ("x && cd y", "x && cd y"),
        ("echo 'open", "echo 'open"),
        ("A=1", "A=1"),
    ],
)
def test_with_exec(command: str, expected: str) -> None:
    assert with_exec(command) == expected


def test_procfile_is_read_as_heroku_does() -> None:
    text = '# web: no\n\nweb:   echo "a: b" # c\nrelease: migrate\n: x\nweb: second\nwor ker: x\n'
    found = read_procfile(MemoryTree({"Procfile": text}))
    assert (found.web, found.line, found.others) == ('echo "a: b" # c', 3, {"release": "migrate"})
    assert [line for line, _ in found.unusable] == [5, 7], "what is no line of a Procfile is told"
    assert read_procfile(MemoryTree({})).web is None


def test_processes_of_a_procfile_are_roles() -> None:
    """Kamal's names: lower case, no hyphen; what can't be one is told, not dropped in silence."""
    text = "Mail-Queue: ./send\nmail_queue: ./again\n9lives: cat\nWeb: no\nlong: a\tb\n"
    found = read_procfile(MemoryTree({"Procfile": text}))
    assert found.others == {"mail_queue": "./send"}
    assert [line for line, _ in found.unusable] == [2, 3, 4, 5]


def test_what_no_argument_can_carry() -> None:
    text = f"long: {'x' * 2001}\n" + "".join(f"w{number}: x\n" for number in range(20))
    found = read_procfile(MemoryTree({"Procfile": text}))
    assert list(found.others) == [f"w{number}" for number in range(16)]
    assert [line for line, _ in found.unusable] == [1, 18, 19, 20, 21]


def test_scripts_that_call_each_other_end() -> None:
    assert resolve("npm start", Package(scripts={"start": "npm run a", "a": "npm start"})).startswith("npm")
    assert resolve("npm ci", Package(scripts={"ci": "x"})) == "npm ci"
    assert resolve("yarn serve", Package(scripts={"serve": "node a.js"})) == "node a.js"
    assert resolve("npm run x -- --port 1", Package(scripts={"x": "y"})) == "npm run x -- --port 1"


@pytest.mark.parametrize(
    ("wish", "fitting"),
    [
        (">=3.12", ("3.12", "3.13", "3.14")),
        ("==3.12.4", ("3.12",)),
        ("~=3.11", ("3.11", "3.12", "3.13", "3.14")),
        ("python-3.13.1", ("3.13",)),
        ("3.14", ("3.14",)),
        ("3.13.0rc1", ("3.13",)),
        ("pypy3.10", ()),
        (">=4", ()),
        ("^3.11", ()),
    ],
)
def test_python_versions(wish: str, fitting: tuple[str, ...]) -> None:
    assert python_matching(wish) == fitting


@pytest.mark.parametrize(
    ("wish", "fitting"),
    [
        (">=18", ("24", "22", "20")),
        ("^22.3.0", ("22",)),
        ("20.x", ("20",)),
        ("v24.1.0", ("24",)),
        (">=20 <24", ("22", "20")),
        (">=20.0.0 <22.5", ("22", "20")),
        (">20", ("24", "22")),
        ("18 || 22", ("22",)),
        ("18 - 22", ("22", "20")),
        ("lts/*", ("24",)),
        ("lts/iron", ("20",)),
        ("lts/boron", ()),
        ("*", ("24", "22", "20")),
        ("16", ()),
        ("nonsense", ()),
    ],
)
def test_node_versions(wish: str, fitting: tuple[str, ...]) -> None:
    assert node_matching(wish) == fitting


def test_defaults_are_supported() -> None:
    assert all(one.default in one.supported and set(one.ended) <= set(one.supported) for one in (PYTHON, NODE))


def test_memory_tree() -> None:
    tree = MemoryTree({"a/b/c.txt": "1", "d": "ü"})
    assert tree.paths() == ["a/b/c.txt", "d"]
    assert tree.exists("d")
    assert not tree.exists("a")
    assert all(tree.is_dir(one) for one in ("", "a", "a/b", "a/b/"))
    assert not tree.is_dir("d")
    assert (tree.read("d"), tree.size("d")) == ("ü", 2)
    with pytest.raises(KeyError):
        tree.read("x")
    assert len(MemoryTree({"x": "a" * (READ_LIMIT + 9)}).read("x")) == READ_LIMIT


def test_bytes_are_read_by_their_mark() -> None:
    assert decode(codecs.BOM_UTF16_LE + "flask".encode("utf-16-le")) == "flask"
    assert decode(codecs.BOM_UTF8 + b"x") == "x"
    assert decode(b"\xff\x00a") == "\ufffd\x00a"


@pytest.mark.parametrize(
    ("path", "safe"),
    [
        ("a/b-c.txt", True),
        ("a b", False),
        ("../x", False),
        ("a/../b", False),
        ("/a", False),
        ("$x", False),
        ("-x", False),
        ("a\n", False),
    ],
)
def test_safe_paths(path: str, safe: bool) -> None:
    assert is_safe_path(path) is safe


def test_line_of() -> None:
    assert line_of("a\nb\nc b", "b") == 2
    assert line_of("a", "z") is None


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
