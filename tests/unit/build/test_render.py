"""What every rendered Dockerfile keeps to, whatever the repository holds."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployhost.build.detect.candidate import Candidate, Start
from deployhost.build.detect.registry import detectors
from deployhost.build.directory import load_templates
from deployhost.build.dockerfile import parse_dockerfile
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.build.render import exec_form
from deployhost.build.tree import MemoryTree
from deployhost.errors import DeployhostError, InvalidName
from tests.inputs.foreign_names import users_file

TEMPLATES = load_templates()
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
KNOWN = {"FROM", "ARG", "RUN", "COPY", "WORKDIR", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
HOSTILE = st.text(
    st.sampled_from("abz./ -_\"'\\\n\r\t$`{}[]()#;&|<>*?!=@:,%~^\x00\u2028é") | st.characters(), max_size=60
)
EVIL = "x\"]\nRUN touch /owned\nUSER root\n# '$(id)` ${HOME} \\"

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


def planned_or_refused(files: dict[str, str]) -> tuple[BuildPlan | None, list[str]]:
    """Return the plan and every sentence that a person would read, or None and those of the refusal."""
    try:
        plan = planned(files)
    except DeployhostError as error:
        return None, [error.message, error.hint, *error.details]
    return plan, [*plan.warnings, *map(str, plan.reasons)]


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


def mounts_of(read: list[tuple[str, str]]) -> list[str]:
    """Return the mounts of instructions. Options come first: what follows may be a word of the repository's."""
    options = [re.match(r"(?:--\S+\s+)*", rest) for _, rest in read]
    return [one for found in options if found for one in re.findall(r"--mount=\S+", found.group())]


THEIRS = "${DEPLOYHOST_UID}:${DEPLOYHOST_UID}"


def check(plan: BuildPlan) -> None:
    """Assert what holds for every generated Dockerfile."""
    text, ignore = plan.dockerfile or "", plan.dockerignore or ""
    read = instructions(text)
    assert {word for word, _ in read} <= KNOWN
    assert not re.search(r"^#\s*(syntax|escape)\s*=", text, re.MULTILINE | re.IGNORECASE)
    assert "<<" not in text
    assert "--link" not in text
    assert not re.search(r"type=secret[^ ]*env=", text)
    last = read[max(index for index, (word, _) in enumerate(read) if word == "FROM") :]
    assert last[-1][0] == "COPY"
    assert [rest for word, rest in last if word == "ARG"] == ["DEPLOYHOST_UID=10001"], (
        "whose user it is, is said at build"
    )
    assert f"--chown={THEIRS}" in last[-1][1]
    assert [rest for word, rest in last if word == "USER"] == [THEIRS]
    assert [word for word, _ in read].count("USER") == 1
    assert any(word == "ENV" and "PORT=8080" in rest for word, rest in last)
    assert not any(re.search(r"(?i)secret|token|password|_key", rest) for word, rest in read if word in ("ENV", "ARG"))
    commands = [json.loads(rest) for word, rest in last if word == "CMD"]
    assert len(commands) == 1
    assert plan.start is not None
    assert commands[0] == [one.replace("\x00", "") for one in plan.start.argv]
    assert {one.ref for one in parse_dockerfile(text).images} == set(plan.refs)
    assert {"**/.git", "**/.env", "**/.env.*", "**/*.key", "**/id_rsa*"} <= set(ignore.splitlines())
    assert ignore.splitlines()[-1] == "**/.git"
    for mount in mounts_of(read):
        kind = re.fullmatch(
            r"--mount=type=(?:cache,id=shop-[a-z]+,target=\S+|secret,id=(?:ca|npmrc|pip_conf),target=\S+)", mount
        )
        assert kind, mount


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_keeps_the_rules(shape: str) -> None:
    plan = planned(SHAPES[shape])
    check(plan)
    text = plan.dockerfile or ""
    assert len(mounts_of(instructions(text))) == text.count("--mount="), "none of them went unchecked"


def test_source_comes_after_the_dependencies() -> None:
    text = planned(SHAPES["flask"]).dockerfile or ""
    assert text.index("requirements.txt") < text.index("COPY --from=deps /venv") < text.index("COPY --chown")
    assert text.count("COPY . .") == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_exec_form_is_one_line_that_reads_back(words: list[str]) -> None:
    text = exec_form(words)
    assert "\n" not in text
    assert text.isascii()
    assert json.loads(text) == [word.replace("\x00", "") for word in words]


@settings(max_examples=30, deadline=None)
@given(HOSTILE, HOSTILE)
def test_hostile_commands_stay_inside_their_instruction(script: str, web: str) -> None:
    for files in (
        {
            "package.json": json.dumps(
                {
                    "scripts": {"start": script, "build": web, "postinstall": web},
                    "main": script,
                    "devDependencies": {web: script},
                }
            )
        },
        {"app.py": FLASK, "requirements.txt": "flask", "Procfile": f"web: {web}"},
        {"Staticfile": f"root: {web}\n", "index.html": "", f"{web}/index.html": ""},
    ):
        plan, _ = planned_or_refused(files)
        if plan:
            check(plan)


@pytest.mark.parametrize(
    "files",
    [
        {f"{EVIL}.py": FLASK, "requirements.txt": "flask\n" + EVIL},
        {"app.py": FLASK, "requirements.txt": f"-r {EVIL}\n-r a b.txt\n-r ../../etc/passwd\nflask", "a b.txt": ""},
        {"app.py": FLASK, "requirements.txt": "flask", ".python-version": EVIL, "runtime.txt": EVIL},
        {"main.py": "if __name__ == '__main__':\n    x.run()\n", "requirements.txt": "x", EVIL: EVIL},
        {
            "package.json": json.dumps(
                {
                    "scripts": {"start": EVIL, "build": EVIL, "prepare": EVIL},
                    "engines": {"node": EVIL},
                    "packageManager": EVIL,
                }
            )
        },
        {
            "package.json": json.dumps({"scripts": {"start": "node x"}, "workspaces": ["*"]}),
            f"p/{EVIL}/package.json": "{}",
            "patches/$(id)": "",
        },
        {
            "package.json": json.dumps(
                {"scripts": {"build": f"vite build --outDir {EVIL}"}, "devDependencies": {"vite": "1"}}
            ),
            "Staticfile": f"root: {EVIL}",
        },
        {
            "package.json": json.dumps(
                {"scripts": ["x"], "dependencies": 7, "engines": [], "main": {}, "packageManager": None, "volta": 1}
            ),
            "server.js": "x.listen()",
        },
        {
            "pyproject.toml": "project = 3\ntool = [1]\n",
            "app.py": "import http.server\nhttp.server.HTTPServer(1,2).serve_forever()",
        },
        {
            "pyproject.toml": '[project]\nname="x"\ndependencies="flask"\nrequires-python=3\nscripts=[]\ndynamic={}\n',
            "main.py": "",
        },
        {
            "pyproject.toml": '[project]\nname="x"\n',
            "uv.lock": 'package = [1, "a", {name = 3}, {source = []}]',
            "app.py": FLASK,
        },
        {"app.py": "\x00\x01def (", "requirements.txt": "\ufffd\ufffd==\n[[[", "Procfile": "\ufffd: \nweb:\n"},
        {"app.py": "(" * 5000, "main.py": "x = '\\d'\n", "requirements.txt": "flask"},
        {"index.html": "", "Staticfile": "root: ../..\n", ".dockerignore": f"[\n!**\n{EVIL}\n**/**/***\n"},
        {"index.html": "", ".env\n!x": "", "\u202eevil.key": ""},
    ],
)
def test_hostile_trees_are_planned_or_refused_in_words(files: dict[str, str]) -> None:
    plan, said = planned_or_refused(files)
    assert all("\n" not in one for one in said)
    if plan:
        check(plan)


def test_a_name_that_is_no_app_is_refused() -> None:
    with pytest.raises(InvalidName):
        plan_build(MemoryTree(SHAPES["static"]), templates=TEMPLATES, app="x,target=/")


def test_detectors_are_ordered_and_each_explains_itself() -> None:
    found = detectors()
    assert [one.name for one in found] == ["python", "node", "static"]
    assert all(one.looked_for and one.advice for one in found)


def test_a_start_shows_its_shell_text() -> None:
    assert Start(("/bin/sh", "-c", "exec a $PORT")).shell == "exec a $PORT"
    assert Start(("node", "a.js")).shell is None
    assert str(Start(("node", "a.js"))) == "node a.js"


def test_candidates_render_from_a_template_that_exists() -> None:
    for files in SHAPES.values():
        for detector in detectors():
            found = detector.detect(MemoryTree(files))
            assert not isinstance(found, Candidate) or found.recipe.template in TEMPLATES
