"""The rules of the rooms that imports alone don't show: one door to each tool, deciding is pure, the light parts stay light."""

import ast
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

import deployhost

Trees = dict[str, ast.Module]
Imports = dict[str, set[str]]
ROOT = Path(deployhost.__file__).resolve().parent
FILES = sorted(path for path in ROOT.rglob("*.py") if "templates" not in path.relative_to(ROOT).parts)
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]

# What starts processes: system/process.py for everybody, and the supervisor, which is the parent of the daemon itself and
# must stay too small to need anything.
DOORS = {
    "subprocess": {"system/process.py"},
    "docker": {
        "system/docker.py",
        "system/docker_engine.py",
        "system/docker_images.py",
        "system/docker_networks.py",
    },
    "requests": {"system/docker_engine.py", "system/docker_images.py"},
    "sqlite3": {"journal/database.py", "journal/deploys.py", "journal/holds.py", "journal/releases.py"},
    "httpx": {"github/http.py"},
    "cryptography": {"github/signing.py"},  # in a process of its own
    "jinja2": {"build/render.py"},
    "cloudflare": {"edge/cloudflare.py"},
    "http": {"system/download.py", "system/guarded_download.py", "github/manifest_page.py"},
    "urllib": {"system/download.py"},
    "multiprocessing": set(),
    "pty": set(),
    "asyncio": {"daemon/webhook/exchange.py", "daemon/webhook/listener.py"},
    "h11": {"daemon/webhook/exchange.py"},
}
STARTS_PROCESSES = {"system/process.py", "system/start_with_secret.py", "system/supervisor.py"}
PROCESS_CALLS = re.compile(r"system|popen|fork|forkpty|exec\w+|spawn\w+|posix_spawnp?")

# What is pure by its name, whatever its docstring says.
PURE = re.compile(
    r"(.*/)?(plan|\w+_plan|plan_\w+)\.py|build/detect/.*|build/render\.py|kamal/contract\.py|deploy/queue\.py|model\.py|steps\.py|paths\.py"
)
WORLD = {
    "os", "io", "sys", "time", "random", "secrets", "uuid", "subprocess", "socket", "select", "threading", "tempfile", "shutil",
    "glob", "sqlite3", "docker", "requests", "http", "urllib", "logging", "signal", "fcntl", "getpass", "platform", "locale",
}  # fmt: skip
TOUCHES = {
    "read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "rglob", "mkdir", "unlink", "touch", "rename", "chmod",
    "symlink_to", "readlink", "now", "today", "utcnow", "environ", "getenv", "cwd", "home", "expanduser",
}  # fmt: skip


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield what a module imports. Taking addresses apart (urllib.parse) touches nothing, and is no door."""
    yield from (name for name in _imports(tree) if not name.startswith("urllib.parse"))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.fixture(scope="module")
def trees() -> Trees:
    """Return the syntax tree of each module by its name."""
    return {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in zip(NAMES, FILES, strict=True)}


@pytest.fixture(scope="module")
def imported(trees: Trees) -> Imports:
    """Return what each module imports."""
    return {name: set(imports(tree)) for name, tree in trees.items()}


def importers(imported: Imports, package: str) -> set[str]:
    return {name for name, found in imported.items() if any(one.split(".")[0] == package for one in found)}


def is_pure(name: str) -> bool:
    """Given a module, return whether it is pure by its name, or says so at the top."""
    # Read as text: each worker collects these tests, and parsing every module takes a second.
    says, _, _ = (ROOT / name).read_text(encoding="utf-8").removeprefix('"""').partition('"""')
    return PURE.fullmatch(name) is not None or bool(re.search(r"\bPure\b|\bpure[.,:;]", says.partition("\n\n")[0]))


PURE_FILES = sorted(name for name in NAMES if is_pure(name))


@pytest.mark.parametrize("package", DOORS)
def test_one_door(package: str, imported: Imports) -> None:
    assert importers(imported, package) == DOORS[package]


def test_trees_are_walked_without_recursion(trees: Trees) -> None:
    """What others filled may be deeper than Python's stack, and these functions are recursive or go by paths."""
    # Kamal's registry, which only root writes to, and an overlay's lower layer.
    allowed = {"os.walk": {"kamal/registry.py"}, "shutil.rmtree": {"system/tree.py"}}
    found: dict[str, set[str]] = {}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("walk", "fwalk", "rmtree"):
                found.setdefault(ast.unparse(node), set()).add(name)
    assert {what: names for what, names in found.items() if what != "ast.walk"} == allowed


def test_typer_is_the_clis(imported: Imports) -> None:
    found = {name for package in ("typer", "click", "rich") for name in importers(imported, package)}
    assert {name.split("/")[0] for name in found} == {"cli"}


def test_who_starts_processes(trees: Trees) -> None:
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
                assert not PROCESS_CALLS.fullmatch(node.attr) or name in STARTS_PROCESSES, f"{name}:{node.lineno}"


def test_no_shell_strings(trees: Trees) -> None:
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                assert not isinstance(node.value, ast.Constant), f"{name}: shell={ast.unparse(node.value)}"


def test_what_is_pure() -> None:
    assert {
        "model.py",
        "steps.py",
        "kamal/contract.py",
        "deploy/queue.py",
        "deploy/push_plan.py",
        "build/plan.py",
    } < set(PURE_FILES)
    assert any(name.startswith("build/detect/") for name in PURE_FILES)


# The engine's answers as values, the packet filter's rules as texts, addresses of clouds: nothing there touches anything.
VALUES = ("deployhost.system.docker_model.", "deployhost.system.filter_rules", "deployhost.system.metadata")


@pytest.mark.parametrize("name", PURE_FILES)
def test_deciding_is_pure(name: str, trees: Trees, imported: Imports) -> None:
    """No input or output, no clock, no environment, no randomness; facts in, decision out."""
    tree = trees[name]
    found = imported[name]
    assert not {one.split(".")[0] for one in found} & WORLD
    assert not [one for one in found if one.startswith("deployhost.system") and not one.startswith(VALUES)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert node.attr not in TOUCHES, f"{name}:{node.lineno}: .{node.attr}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "input", "print", "eval", "exec", "__import__"}, f"{name}:{node.lineno}"


def test_control_is_light(imported: Imports) -> None:
    """It is in the way of every command and every push: the standard library's, and errors and model of ours."""
    for name, found in imported.items():
        if name.startswith("control/"):
            for one in found:
                ours = one.startswith(("deployhost.control.", "deployhost.errors.", "deployhost.model."))
                assert ours or one.split(".")[0] in sys.stdlib_module_names, f"{name}: {one}"


def test_no_module_holds_mutable_state(trees: Trees) -> None:
    """Dependencies are passed in: no `global`, and no lower-case list, dict or set at a module's top."""
    for name, tree in trees.items():
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)], name
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Dict | ast.Set):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
                assert all(one.lstrip("_").isupper() or one == "__all__" for one in names), f"{name}:{node.lineno}"


def test_no_drawers() -> None:
    assert not [
        name
        for name in NAMES
        if Path(name).stem in {"utils", "util", "helpers", "helper", "common", "misc", "interfaces"}
    ]


def test_class_names_are_unique(trees: Trees) -> None:
    """One name, one thing: whoever searches for a class finds it."""
    found: dict[str, list[str]] = {}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(f"{name}:{node.lineno}")
    twins = {name: places for name, places in found.items() if len(places) > 1 and not name.startswith("_")}
    assert twins == {}


def test_functions_are_short(trees: Trees) -> None:
    long = {
        f"{name} {node.name}"
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    }
    assert long == set()


def test_modules_are_short() -> None:
    long = {
        path.relative_to(ROOT).as_posix() for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 300
    }
    assert long <= {"daemon/parts.py"}, "that one imports each part: test_one_wiring counts the rest"


MOST_MODULES = 20  # of one of these rooms, which were one of 48 once


def test_rooms_are_small() -> None:
    for room in ("deploy", "containers", "traffic", "converge", "upkeep"):
        modules = [name for name in NAMES if name.startswith(f"{room}/") and not name.endswith("__init__.py")]
        assert 0 < len(modules) <= MOST_MODULES, room


def test_one_wiring(trees: Trees) -> None:
    """daemon/parts.py alone makes these, for tests too, and stays short enough to be read at once."""
    tests = Path(__file__).resolve().parents[1]
    wired = {"Pipeline", "Converge", "Holding"}
    called = re.compile(rf"\b({'|'.join(wired)})\s*\(")  # what does not match need not be parsed
    texts = {
        path.relative_to(tests.parent).as_posix(): path.read_text(encoding="utf-8")
        for path in tests.rglob("*.py")
        if "apps" not in path.relative_to(tests).parts[:1]
    }
    searched = trees | {name: ast.parse(text) for name, text in texts.items() if called.search(text)}
    makers = {
        f"{name}:{node.lineno}"
        for name, tree in searched.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in wired
    }
    assert makers == set(), "made by hand"
    parts = trees["daemon/parts.py"]
    named = {node.id for node in ast.walk(parts) if isinstance(node, ast.Name)}
    assert wired < named
    after_imports = max(node.end_lineno or 0 for node in parts.body if isinstance(node, ast.Import | ast.ImportFrom))
    assert len((ROOT / "daemon/parts.py").read_text(encoding="utf-8").splitlines()) - after_imports < 300


# What has nothing to test by itself.
WITHOUT_A_TEST = {
    "build/detect/languages/table.py": "the lists of the modules beside it, joined",
    "build/labels.py": "constants",
    "daemon/edge_parts.py": "more of the wiring; tests/unit/daemon/test_parts.py",
    "daemon/github_parts.py": "more of the wiring; tests/unit/daemon/test_parts.py",
    "control/arguments.py": "types",
    "control/results.py": "types",
    "control/views.py": "types",
    "github/answers.py": "types",
    "journal/posted.py": "types",
    "edge/connect_steps.py": "values; tests/unit/edge/test_connect_act.py sees that each is carried out",
    "edge/account.py": "types; tests/fakes/cloudflare.py is one",
    "build/data_patterns.py": "expressions; tests/unit/build/test_data_files.py",
    "server/facts_tunnel.py": "values; tests/unit/server/test_plan_tunnel.py",
    "server/steps_tunnel.py": "values; tests/unit/test_steps.py sees that each is carried out",
    "server/steps_kamal.py": "values; tests/unit/test_steps.py sees that each is carried out",
    "system/services.py": "a protocol",
}
# What is older than the rule, and is tested by tests of other names. This list only gets shorter.
UNDER_ANOTHER_NAME = {
    "journal/lent_before.py",
    "apps/repository.py",
    "build/choose.py",
    "build/debian.py",
    "build/detect/languages/commands.py",
    "build/detect/languages/compiled.py",
    "build/detect/languages/language.py",
    "build/detect/languages/listing.py",
    "build/detect/languages/machines.py",
    "build/detect/languages/scripting.py",
    "build/detect/languages/seen.py",
    "build/detect/workspace.py",
    "build/found.py",
    "build/procfile_rules.py",
    "build/stand_in.py",
    "cli/apps.py",
    "cli/converge.py",
    "cli/deploys.py",
    "cli/domains.py",
    "cli/env.py",
    "cli/export.py",
    "cli/inspect.py",
    "cli/main.py",
    "cli/prune.py",
    "cli/release_views.py",
    "cli/releases.py",
    "cli/removal.py",
    "cli/session.py",
    "cli/storage.py",
    "cli/version.py",
    "cli/views.py",
    "config/process.py",
    "config/schema.py",
    "config/yaml_edit.py",
    "config/yaml_file.py",
    "config/yaml_tree.py",
    "control/pushing.py",
    "journal/schema.py",
    "kamal/project.py",
    "kamal/trusted_yml.py",
    "kamal/yaml_text.py",
    "server/facts.py",
    "server/facts_kamal.py",
    "server/plan_proxy.py",
    "server/read.py",
    "server/setup.py",
    "server/steps.py",
    "server/uninstall.py",
    "system/docker_engine.py",
    "system/docker_images.py",
    "system/docker_model.py",
    "system/packages.py",
    "system/supervisor.py",
    "system/systemd.py",
}
BESIDE = {"converge/findings": "converge"}  # rooms that have their tests with those of another


def test_a_module_has_a_test_of_its_name() -> None:
    """From a module to its test in one step: deploy/cancel.py, tests/unit/deploy/test_cancel.py (or tests/local)."""
    tests = Path(__file__).resolve().parents[1]
    modules = {name for name in NAMES if Path(name).name != "__init__.py"}
    without = set()
    for name in modules:
        folder = Path(name).parent.as_posix()
        path = f"{BESIDE.get(folder, folder)}/test_{Path(name).name}"
        if not any((tests / kind / path).is_file() for kind in ("unit", "local")):
            without.add(name)
    excused = WITHOUT_A_TEST.keys() | UNDER_ANOTHER_NAME
    assert not WITHOUT_A_TEST.keys() & UNDER_ANOTHER_NAME
    assert without - excused == set(), "each has one"
    assert excused - without == set(), "the lists have no more than those that have none"


def test_every_test_is_run(pytestconfig: pytest.Config) -> None:
    """Pytest's own list of directories to leave out has the names of rooms in it."""
    tests = Path(__file__).resolve().parents[1]
    left_out = pytestconfig.getini("norecursedirs")
    rooms = {path.name for test in tests.rglob("test_*.py") for path in test.relative_to(tests).parents if path.name}
    assert "build" in rooms
    assert [room for room in rooms if any(fnmatch(room, pattern) for pattern in left_out)] == []
