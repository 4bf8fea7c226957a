"""Rendered Dockerfiles, read and run by a shell."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.build.directory import load_templates
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.build.render import write_command
from deployhost.build.tree import MemoryTree
from tests.inputs.foreign_names import users_file

TEMPLATES = load_templates()
FLASK = "from flask import Flask\napp = Flask(__name__)\n"

SHAPES: dict[str, dict[str, str]] = {
    "flask": {"app.py": FLASK, "requirements.txt": "flask"},
    "bare": {"main.py": "import http.server\nhttp.server.HTTPServer(1, 2).serve_forever()"},
    "uv": {"app.py": FLASK, "pyproject.toml": '[project]\nname="x"\ndependencies=["flask"]', "uv.lock": ""},
    "pyproject": {"app.py": FLASK, "pyproject.toml": '[project]\nname="x"\ndependencies=["flask"]'},
    "django": {
        "manage.py": "# django\n('DJANGO_SETTINGS_MODULE', 'a.settings')",
        "a/settings.py": "STATIC_ROOT = 1",
        "a/wsgi.py": "",
        "requirements.txt": "django\nwhitenoise",
    },
    "assets": {
        "app.py": FLASK,
        "requirements.txt": "flask",
        "package.json": '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "6"}}',
    },
    "node": {
        "package.json": '{"scripts": {"start": "node a.js"}, "dependencies": {"x": "1"}, "devDependencies": {"y": "1"}}',
        "package-lock.json": "{}",
    },
    "node build": {
        "package.json": '{"scripts": {"start": "next start", "build": "next build"}, "dependencies": {"next": "1"}, "devDependencies": {"y": "1"}}'
    },
    "pnpm": {
        "package.json": '{"scripts": {"start": "pnpm dlx x"}, "dependencies": {"x": "1"}}',
        "pnpm-lock.yaml": "lockfileVersion: '6.0'",
    },
    "no manifest": {"server.js": "http.createServer()"},
    "site": {
        "package.json": '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "6"}}',
        "package-lock.json": "",
    },
    "static": {"index.html": ""},
    "static with logins": {"index.html": "", "Staticfile.auth": users_file()},
    "site with logins": {
        "package.json": '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "6"}}',
        "Staticfile.auth": users_file(),
    },
}


def planned(files: dict[str, str]) -> BuildPlan:
    return plan_build(MemoryTree(files), templates=TEMPLATES, app="shop")


def instructions(text: str) -> list[tuple[str, str]]:
    """Read a Dockerfile as BuildKit does: continued lines joined, comments left out."""
    found: list[tuple[str, str]] = []
    joined = ""
    for line in text.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        joined += line.rstrip().removesuffix("\\")
        if not line.rstrip().endswith("\\"):
            word, _, rest = joined.strip().partition(" ")
            found.append((word, rest))
            joined = ""
    assert joined == ""
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shell_reads_every_run(shape: str) -> None:
    runs = [
        re.sub(r"--mount=\S+", "", rest)
        for word, rest in instructions(planned(SHAPES[shape]).dockerfile or "")
        if word == "RUN"
    ]
    subprocess.run(["/bin/sh", "-n", "-c", "\n".join(runs)], check=True, timeout=10)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_characters="\n\r\x00", codec="utf-8"), max_size=30), min_size=1, max_size=4)
)
def test_what_is_written_by_a_run_is_what_was_given(lines: list[str]) -> None:
    kept = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    command = write_command("\n".join(lines), "/dev/stdout") if kept else "printf ''"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=True, timeout=10)
    assert done.stdout.decode().split("\n")[:-1] == kept


@pytest.mark.parametrize(
    ("before", "built", "fallback", "expected"),
    [
        ([], ["dist/index.html"], "auto", ("dist", True)),
        ([], ["dist/index.html", "dist/404.html"], "auto", ("dist", True)),
        ([], ["dist/index.html", "dist/a/index.html"], "auto", ("dist", False)),
        ([], ["dist/index.html", "dist/a/index.html"], "yes", ("dist", True)),
        ([], ["dist/index.html"], "no", ("dist", False)),
        (["dist/index.html", "public/index.html"], ["build/index.html"], "auto", ("build", True)),
        (["dist/index.html", "public/index.html"], ["x"], "auto", ("dist", True)),
        (["public/index.html"], ["x"], "auto", None),
        ([], ["dist/shop/browser/index.html"], "auto", ("dist/shop/browser", True)),
    ],
)
def test_the_output_of_a_build_is_found(
    tmp_path: Path, before: list[str], built: list[str], fallback: str, expected: tuple[str, bool] | None
) -> None:
    app, began = tmp_path / "app", tmp_path / "build-began"
    for name in before:
        _page(app / name, name, 1_000)
    app.mkdir(exist_ok=True)
    began.touch()
    os.utime(began, (2_000, 2_000))
    for name in built:
        _page(app / name, name, 3_000)
    script = (
        TEMPLATES["find-output.sh"]
        .replace("/tmp/build-began", str(began))
        .replace("cd /app", f"cd {app}")
        .replace("/out", str(tmp_path / "out"))
    )
    done = subprocess.run(
        ["/bin/sh", "-c", script, "find-output", "dist", "build", "dist/*/browser", "public"],
        env={"FALLBACK": fallback, "PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=10,
        check=False,
    )
    if expected is None:
        assert done.returncode == 1
        assert b"no index.html; looked in: dist build" in done.stderr
        return
    assert done.returncode == 0
    assert (tmp_path / "out/www/index.html").read_text() == f"{expected[0]}/index.html"
    assert (tmp_path / "out/single-page").exists() is expected[1]


def _page(path: Path, text: str, when: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (when, when))


def test_importing_the_plan_is_cheap() -> None:
    heavy = ("jinja2", "packaging", "docker", "subprocess", "deployhost.system")
    code = f"import sys, deployhost.build.plan; print([one for one in {heavy} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=20)
    assert done.stdout.strip() == "[]"
