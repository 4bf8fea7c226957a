"""Trees as they are found in the wild, and what is planned for each."""

import json
from dataclasses import dataclass, field

import pytest

from deployhost.build.directory import load_templates
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.build.tree import MemoryTree
from deployhost.errors import NothingRecognised

TEMPLATES = load_templates()
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "import os\nfrom fastapi import FastAPI\n\napp: FastAPI = FastAPI()\n"
UVICORN = "--host 0.0.0.0 --port ${PORT:-8080}"


def planned(files: dict[str, str], app: str = "shop") -> BuildPlan:
    return plan_build(MemoryTree(files), templates=TEMPLATES, app=app)


def package(**keys: object) -> str:
    return json.dumps(keys)


@dataclass(frozen=True)
class Case:
    """A tree and what must be true of its plan."""

    name: str
    files: dict[str, str]
    runtime: str
    start: str
    version: str | None = None
    holds: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    warns: str = ""
    bases: tuple[str, ...] = field(default=())


CASES = [
    # Python: what is started
    Case(
        "flask",
        {"app.py": FLASK, "requirements.txt": "flask\ngunicorn\n"},
        "python",
        "app:app",
        "3.13",
        lacks=("gunicorn==",),
    ),
    Case(
        "flask without a server",
        {"app.py": FLASK, "requirements.txt": "Flask>=3\n"},
        "python",
        "app:app",
        holds=("gunicorn==",),
    ),
    Case(
        "a package that only sounds like a server",
        {"app.py": FLASK, "requirements.txt": "flask-gunicorn\n# gunicorn\n"},
        "python",
        "app:app",
        holds=("gunicorn==",),
    ),
    Case(
        "fastapi",
        {"main.py": FASTAPI, "requirements.txt": "fastapi\n"},
        "python",
        "exec uvicorn main:app " + UVICORN,
        holds=("uvicorn[standard]==",),
    ),
    Case(
        "fastapi[standard] brings uvicorn",
        {"api.py": FASTAPI, "requirements.txt": "fastapi[standard]\n"},
        "python",
        "uvicorn api:app",
        lacks=("uvicorn[",),
    ),
    Case(
        "fastapi in src, uv",
        {
            "src/shop/api.py": FASTAPI,
            "pyproject.toml": '[project]\nname="shop"\ndependencies=["fastapi"]\n',
            "uv.lock": 'version = 1\n[[package]]\nname = "uvicorn"\n',
        },
        "python",
        "uvicorn shop.api:app",
        holds=("uv sync --locked", "PYTHONPATH=/app/src", '"uv.lock"'),
        lacks=("uvicorn[",),
    ),
    Case(
        "pyproject without a lock",
        {"app/main.py": FASTAPI, "pyproject.toml": '[project]\nname="x"\ndependencies=["fastapi", "uvicorn"]\n'},
        "python",
        "uvicorn app.main:app",
        holds=("tomllib",),
        lacks=("uvicorn[",),
    ),
    Case(
        "dynamic dependencies need the source",
        {"main.py": FASTAPI, "pyproject.toml": '[project]\nname="x"\ndynamic=["dependencies"]\n'},
        "python",
        "uvicorn main:app",
        warns="dynamic",
    ),
    Case(
        "factory",
        {
            "app/__init__.py": "from flask import Flask\ndef create_app(config=None):\n    app = Flask(__name__)\n    return app\n",
            "requirements.txt": "flask",
        },
        "python",
        "app:create_app()",
    ),
    Case(
        "asgi factory",
        {
            "main.py": "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    return FastAPI()\n",
            "requirements.txt": "fastapi",
        },
        "python",
        "exec uvicorn --factory main:create_app",
    ),
    Case(
        "app of an imported factory",
        {
            "wsgi.py": "from shop import create_app\napp = create_app('prod')\n",
            "requirements.txt": "flask",
            "shop/__init__.py": "def create_app(name): ...\n",
        },
        "python",
        "wsgi:app",
    ),
    Case(
        "django",
        {
            "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")\n',
            "site1/settings.py": 'DEBUG = False\nWSGI_APPLICATION = "site1.wsgi.application"\n',
            "site1/wsgi.py": "",
            "requirements.txt": "django\n",
        },
        "python",
        "site1.wsgi:application",
        holds=("gunicorn==",),
        lacks=("collectstatic",),
    ),
    Case(
        "django with whitenoise",
        {
            "manage.py": '# django\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "a.settings.prod")\n',
            "a/settings/prod.py": "STATIC_ROOT = 'static'\n",
            "a/wsgi.py": "",
            "requirements.txt": "Django\nwhitenoise\ngunicorn",
        },
        "python",
        "a.wsgi:application",
        holds=("RUN SECRET_KEY=build", "collectstatic"),
    ),
    Case(
        "dash",
        {"app.py": "import dash\napp = dash.Dash(__name__)\n", "requirements.txt": "dash"},
        "python",
        "app:app.server",
    ),
    Case(
        "fasthtml",
        {"main.py": "from fasthtml.common import *\napp, rt = fast_app()\n", "requirements.txt": "python-fasthtml"},
        "python",
        "uvicorn main:app",
    ),
    Case(
        "plain wsgi",
        {"hello.py": "def application(environ, start_response):\n    return []\n"},
        "python",
        "hello:application",
        holds=("gunicorn==",),
    ),
    Case("plain asgi", {"app.py": "async def app(scope, receive, send):\n    pass\n"}, "python", "uvicorn app:app"),
    Case(
        "falcon asgi",
        {"app.py": "import falcon.asgi\napp = falcon.asgi.App()\n", "requirements.txt": "falcon"},
        "python",
        "uvicorn app:app",
    ),
    Case(
        "streamlit",
        {"app.py": "import streamlit as st\nst.write(1)\n", "requirements.txt": "streamlit"},
        "python",
        "exec streamlit run app.py --server.port ${PORT:-8080}",
    ),
    Case(
        "gradio",
        {"app.py": "import gradio as gr\ngr.Interface().launch()\n", "requirements.txt": "gradio"},
        "python",
        "GRADIO_SERVER_NAME=0.0.0.0",
    ),
    Case(
        "http.server",
        {"main.py": "import http.server\nhttp.server.HTTPServer(('', 80), None).serve_forever()\n"},
        "python",
        "python main.py",
        lacks=("gunicorn", "pip --python"),
    ),
    Case(
        "server under __main__",
        {"server.py": "from mine import serve\nif __name__ == '__main__':\n    serve()\n"},
        "python",
        "python server.py",
    ),
    Case(
        "an app object beats __main__",
        {
            "run.py": "import uvicorn\nif __name__ == '__main__':\n    uvicorn.run('app.api:app')\n",
            "app/api.py": FASTAPI,
            "requirements.txt": "fastapi\nuvicorn",
        },
        "python",
        "uvicorn app.api:app",
    ),
    Case(
        "a guess says so",
        {"main.py": "print(1)\n", "requirements.txt": "requests"},
        "python",
        "python main.py",
        warns="no web server",
    ),
    Case(
        "project script",
        {
            "src/tool/cli.py": "def main(): ...\n",
            "pyproject.toml": '[project]\nname="tool"\n[project.scripts]\ntool = "tool.cli:main"\n',
        },
        "python",
        "'tool.cli'",
    ),
    Case(
        "procfile",
        {
            "app.py": FLASK,
            "requirements.txt": "flask",
            "Procfile": "# all\nweb: gunicorn app:app --log-file=-\nworker: python w.py\n",
        },
        "python",
        "gunicorn app:app --log-file=-",
        holds=("gunicorn==",),
    ),
    Case(
        "procfile with a port",
        {
            "app.py": FLASK,
            "requirements.txt": "flask\ngunicorn",
            "Procfile": 'web: X=1 gunicorn -b "0.0.0.0:$PORT" app:app\n',
        },
        "python",
        'exec env X=1 gunicorn -b "0.0.0.0:$PORT" app:app',
    ),
    # Python: versions and dependencies
    Case(
        "python version file",
        {"app.py": FLASK, "requirements.txt": "flask", ".python-version": "3.12.4\n"},
        "python",
        "app:app",
        "3.12",
    ),
    Case(
        "runtime.txt",
        {"app.py": FLASK, "requirements.txt": "flask", "runtime.txt": "python-3.11.9"},
        "python",
        "app:app",
        "3.11",
    ),
    Case(
        "requires-python prefers the default",
        {"app.py": FLASK, "pyproject.toml": '[project]\nname="x"\nrequires-python=">=3.9"\ndependencies=["flask"]\n'},
        "python",
        "app:app",
        "3.13",
    ),
    Case(
        "requires-python, lowest that fits",
        {"app.py": FLASK, "pyproject.toml": '[project]\nname="x"\nrequires-python="<3.13"\ndependencies=["flask"]\n'},
        "python",
        "app:app",
        "3.11",
    ),
    Case(
        "a version that is not there",
        {"app.py": FLASK, "requirements.txt": "flask", "runtime.txt": "python-2.7.18"},
        "python",
        "app:app",
        "3.11",
        warns="can't be had",
    ),
    Case(
        "included requirements",
        {
            "app.py": FLASK,
            "requirements.txt": "-r req/base.txt\n",
            "req/base.txt": "-c limits.txt\nflask\n",
            "req/limits.txt": "gunicorn==23\n",
        },
        "python",
        "app:app",
        holds=("req/base.txt", "req/limits.txt"),
    ),
    Case(
        "local requirement",
        {"app.py": FLASK, "requirements.txt": "flask\n-e .\n"},
        "python",
        "app:app",
        warns="local path",
    ),
    Case(
        "psycopg2 and git",
        {"app.py": FLASK, "requirements.txt": "flask\npsycopg2\nx @ git+https://example.com/x\n"},
        "python",
        "app:app",
        holds=("libpq-dev", "libpq5", " git "),
    ),
    Case(
        "utf-16 requirements",
        {"app.py": FLASK, "requirements.txt": "\ufeffflask\ngunicorn\n"},
        "python",
        "app:app",
        lacks=("gunicorn==",),
    ),
    # Python and Node together
    Case(
        "python with assets",
        {
            "app.py": FLASK,
            "requirements.txt": "flask",
            "package.json": package(scripts={"build": "tailwindcss"}, devDependencies={"tailwindcss": "4"}),
        },
        "python",
        "app:app",
        bases=("python:3.13-slim", "node:24-slim"),
        holds=("npm run build", "COPY --from=node-build"),
    ),
    Case(
        "procfile decides",
        {
            "app.py": FLASK,
            "requirements.txt": "flask",
            "package.json": package(scripts={"start": "node s.js"}),
            "Procfile": "web: node s.js",
        },
        "node",
        "node s.js",
    ),
    Case(
        "scripts beside a node server",
        {
            "tool.py": "print(1)",
            "requirements.txt": "requests",
            "package.json": package(scripts={"start": "node s.js"}),
        },
        "node",
        "node s.js",
    ),
    # Node
    Case(
        "express",
        {
            "package.json": package(scripts={"start": "node server.js"}, dependencies={"express": "4"}),
            "package-lock.json": "{}",
            "server.js": "",
        },
        "node",
        "node server.js",
        "24",
        holds=("npm ci", "--omit=dev", '"package-lock.json"'),
        lacks=("npm run",),
    ),
    Case(
        "no lockfile",
        {
            "package.json": package(main="app.js", dependencies={"express": "4"}),
            "app.js": "require('express')().listen(1)",
        },
        "node",
        "node app.js",
        lacks=("npm ci",),
        warns="no lockfile",
    ),
    Case(
        "no package.json",
        {"server.js": "require('http').createServer(f).listen(80)"},
        "node",
        "node server.js",
        lacks=("npm install",),
    ),
    Case(
        "start runs another script",
        {
            "package.json": package(
                scripts={
                    "start": "npm run serve",
                    "preserve": "node migrate.js",
                    "serve": "NODE_ENV=production node s.js",
                }
            )
        },
        "node",
        "node migrate.js && exec env NODE_ENV=production node s.js",
    ),
    Case(
        "dev dependency in start",
        {"package.json": package(scripts={"start": "tsx server.ts"}, devDependencies={"tsx": "4"})},
        "node",
        "tsx server.ts",
        lacks=("--omit=dev",),
        warns="tsx",
    ),
    Case(
        "next",
        {
            "package.json": package(
                scripts={"build": "next build", "start": "next start"},
                dependencies={"next": "15"},
                devDependencies={"typescript": "5"},
            ),
            "yarn.lock": "",
        },
        "node",
        "next start",
        holds=("yarn@1.", ".next/cache", "node-production"),
    ),
    Case(
        "next, exported",
        {
            "package.json": package(
                scripts={"build": "next build", "start": "next start"}, dependencies={"next": "15"}
            ),
            "next.config.js": "module.exports = {output: 'export'}",
        },
        "node",
        "nginx",
        holds=("out",),
    ),
    Case(
        "vite",
        {
            "package.json": package(
                scripts={"dev": "vite", "build": "vite build --outDir site", "start": "vite"},
                devDependencies={"vite": "6"},
            ),
            "index.html": "",
        },
        "node",
        "nginx",
        bases=("node:24-slim", "nginx:stable"),
        holds=("find-output site dist build",),
    ),
    Case(
        "astro",
        {
            "package.json": package(
                scripts={"build": "astro build", "start": "astro dev"}, dependencies={"astro": "5"}
            ),
            "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
        },
        "node",
        "nginx",
        holds=("pnpm@10.", "--frozen-lockfile"),
    ),
    Case(
        "astro on a server",
        {
            "package.json": package(
                scripts={"build": "astro build", "start": "astro dev"},
                dependencies={"astro": "5", "@astrojs/node": "9"},
            )
        },
        "node",
        "node dist/server/entry.mjs",
    ),
    Case(
        "vue cli",
        {
            "package.json": package(
                scripts={"serve": "vue-cli-service serve", "build": "vue-cli-service build"},
                devDependencies={"@vue/cli-service": "5"},
            )
        },
        "node",
        "nginx",
    ),
    Case(
        "cra",
        {
            "package.json": package(
                scripts={"start": "react-scripts start", "build": "react-scripts build"},
                dependencies={"react-scripts": "5"},
            )
        },
        "node",
        "nginx",
    ),
    Case(
        "docusaurus",
        {
            "package.json": package(
                scripts={"start": "docusaurus start", "build": "docusaurus build"},
                dependencies={"@docusaurus/core": "3"},
            )
        },
        "node",
        "nginx",
    ),
    Case(
        "eleventy",
        {
            "package.json": package(
                scripts={"start": "eleventy --serve", "build": "eleventy"}, devDependencies={"@11ty/eleventy": "3"}
            )
        },
        "node",
        "nginx",
    ),
    Case(
        "express with a vite client",
        {
            "package.json": package(
                scripts={"build": "vite build", "start": "node server.js"},
                dependencies={"express": "4"},
                devDependencies={"vite": "6"},
            ),
            "server.js": "",
        },
        "node",
        "node server.js",
        holds=("node-build",),
    ),
    Case(
        "bun",
        {"package.json": package(scripts={"start": "bun run index.ts"}), "bun.lock": ""},
        "node",
        "bun run index.ts",
        holds=("bun@1.",),
    ),
    Case(
        "berry",
        {
            "package.json": package(scripts={"start": "node a.js"}, packageManager="yarn@4.5.0+sha512.abc"),
            "yarn.lock": "",
        },
        "node",
        "node a.js",
        holds=("@yarnpkg/cli-dist@4.5.0", "YARN_NODE_LINKER"),
    ),
    Case(
        "engines",
        {"package.json": package(scripts={"start": "node a.js"}, engines={"node": ">=18 <23"})},
        "node",
        "node a.js",
        "22",
    ),
    Case(
        "nvmrc",
        {"package.json": package(scripts={"start": "node a.js"}), ".nvmrc": "lts/jod\n"},
        "node",
        "node a.js",
        "22",
    ),
    Case(
        "an old node",
        {"package.json": package(scripts={"start": "node a.js"}, engines={"node": "16.x"})},
        "node",
        "node a.js",
        "20",
        warns="can't be had",
    ),
    Case(
        "husky is left out",
        {"package.json": package(scripts={"start": "node a.js", "prepare": "husky"})},
        "node",
        "node a.js",
        holds=("delete p.scripts",),
    ),
    Case(
        "postinstall needs the source",
        {"package.json": package(scripts={"start": "node a.js", "postinstall": "node scripts/x.js"})},
        "node",
        "node a.js",
        warns="postinstall",
    ),
    Case(
        "workspaces",
        {
            "package.json": package(scripts={"start": "node a.js"}, workspaces=["packages/*"]),
            "packages/a/package.json": "{}",
        },
        "node",
        "node a.js",
        holds=('["packages/a/package.json", "./packages/a/"]',),
    ),
    # Static
    Case("static", {"index.html": "", "about.html": ""}, "static", "nginx", lacks=("touch /srv/single-page",)),
    Case(
        "single page",
        {"index.html": "", "404.html": "", "app.js": "fetch('/')"},
        "static",
        "nginx",
        holds=("touch /srv/single-page",),
    ),
    Case(
        "public folder",
        {"public/index.html": "", "README.md": ""},
        "static",
        "nginx",
        holds=('["public/", "/srv/www/"]',),
    ),
    Case(
        "staticfile",
        {"web/index.html": "", "Staticfile": "root: web\nindex_fallback: false\n"},
        "static",
        "nginx",
        holds=('["web/", "/srv/www/"]',),
        lacks=("touch /srv/single-page",),
    ),
    Case(
        "package.json for tools only",
        {"index.html": "", "package.json": package(devDependencies={"prettier": "3"})},
        "static",
        "nginx",
    ),
    Case("requirements of a tool beside pages", {"index.html": "", "requirements.txt": "mkdocs"}, "static", "nginx"),
    Case(
        "a broken manifest beside static files of a build",
        {"main.py": FASTAPI, "requirements.txt": "fastapi", "package.json": "{"},
        "python",
        "uvicorn main:app",
        warns="package.json is not valid JSON",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    plan = planned(case.files)
    text = plan.dockerfile or ""
    assert plan.kind == "generated"
    assert plan.runtime == case.runtime
    assert case.start in str(plan.start)
    assert plan.version == (case.version or plan.version)
    assert plan.refs == (case.bases or plan.refs)
    assert [one for one in case.holds if one not in text] == []
    assert [one for one in case.lacks if one in text] == []
    assert not case.warns or any(case.warns in one for one in plan.warnings)
    assert plan.reasons


def test_a_procfiles_other_processes_go_along() -> None:
    plan = planned({"app.py": FLASK, "requirements.txt": "flask", "Procfile": "web: flask run\nworker: python w.py\n"})
    assert plan.processes == {"worker": "python w.py"}


def test_python_has_its_library_compiled_before_anything_of_the_app() -> None:
    """The official images leave the bytecode out. What comes first after FROM is one layer for all apps."""
    text = planned({"app.py": FLASK, "requirements.txt": "flask"}).dockerfile or ""
    final = text.rpartition("\nFROM ")[2].splitlines()
    assert final[1].startswith("RUN python3 -m compileall -q ")


def test_reasons_name_file_and_line() -> None:
    plan = planned({"main.py": FASTAPI, "requirements.txt": "# web\nfastapi\nuvicorn\n"})
    said = {(one.path, one.line) for one in plan.reasons}
    assert ("main.py", 4) in said
    assert ("requirements.txt", 3) in said


def test_json_has_every_part() -> None:
    body = planned({"app.py": FLASK, "requirements.txt": "flask"}).to_json()
    assert json.loads(json.dumps(body)) == body
    assert set(body) >= {
        "kind",
        "runtime",
        "version",
        "bases",
        "start",
        "port",
        "dockerfile",
        "dockerignore",
        "reasons",
        "warnings",
    }
    assert body["port"] == 8080
    assert body["bases"] == [{"ref": "python:3.13-slim", "line": None}]


def test_own_dockerfile_wins() -> None:
    plan = planned(
        {
            "Dockerfile": "# syntax=docker/dockerfile:1\nFROM alpine:3\nEXPOSE 3000\n",
            "package.json": package(scripts={"start": "x"}),
            ".gitmodules": "",
        }
    )
    assert (plan.kind, plan.port, plan.dockerfile, plan.dockerignore) == ("dockerfile", 3000, None, None)
    assert [(one.ref, one.line) for one in plan.bases] == [("alpine:3", 2)]
    assert plan.syntax is not None
    assert plan.syntax.ref == "docker/dockerfile:1"
    assert any("submodules" in one for one in plan.warnings)


@pytest.mark.parametrize(
    ("files", "said", "hint"),
    [
        ({}, "empty", "index.html"),
        ({"README.md": "x"}, "nothing in the repository", "index.html"),
        ({"go.mod": "", "main.go": "x"}, "Go is not built here", "'EXPOSE 8080' 'CMD [\"/server\"]' > Dockerfile"),
        ({"index.php": "x"}, "PHP is not built here", "'FROM php:8-apache'"),
        ({"go.mod": "", "cmd/shop/main.go": "x"}, "Go is not built here", "${EDITOR:-vi} Dockerfile"),
        ({"Cargo.toml": "", "src/main.rs": "x"}, "Rust is not built here", "${EDITOR:-vi} Dockerfile"),
        ({"start.sh": "exec ./x"}, "no language that deployhost knows was seen", "${EDITOR:-vi} Dockerfile"),
        ({"shop.cob": "x"}, "no language that deployhost knows was seen", "${EDITOR:-vi} Dockerfile"),
        ({"lib/shop.gleam": "x"}, "Gleam is not built here", "${EDITOR:-vi} Dockerfile"),
        (
            {
                "package.json": package(
                    scripts={"build": "tsc"}, main="dist/index.js", dependencies={"express": "4", "typescript": "5"}
                )
            },
            "does not say how it is started",
            'scripts.start="node dist/index.js"',
        ),
        ({"package.json": package(dependencies={"x": "1"})}, "neither a start nor a build script", "npm pkg set"),
        ({"package.json": "{"}, "package.json is not valid JSON", "npm"),
        ({"package.json": "[]"}, "must hold a JSON object", "npm"),
        ({"package.json": "[" * 100_000}, "nested too deeply", "npm"),
        ({"package.json": '{"a":"' + "x" * 600_000 + '"}'}, "too large", "npm"),
        ({"pyproject.toml": "[project", "main.py": ""}, "pyproject.toml is not valid TOML", "tomllib"),
        ({"app.py": FLASK}, "app.py:1 imports flask", "echo flask > requirements.txt"),
        ({"poetry.lock": "", "app.py": FLASK, "pyproject.toml": "[tool.poetry]\n"}, "Poetry", "poetry export"),
        ({"Pipfile": "", "app.py": FLASK}, "Pipenv", "pipenv requirements"),
        ({"requirements.txt": "requests"}, "nothing to start", "Procfile"),
        (
            {
                "package.json": package(
                    scripts={"build": "vite build"}, devDependencies={"@sveltejs/adapter-auto": "3", "vite": "6"}
                )
            },
            "adapter-auto",
            "adapter-node",
        ),
        (
            {"app.py": FLASK, "requirements.txt": "flask", "package.json": package(scripts={"start": "node s.js"})},
            "which one is the app",
            "Procfile",
        ),
    ],
)
def test_what_is_missing_is_said(files: dict[str, str], said: str, hint: str) -> None:
    with pytest.raises(NothingRecognised) as caught:
        planned(files)
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.details or said.startswith(("package.json is", "must", "nested", "too", "pyproject"))


def test_nothing_recognised_lists_every_runtime_and_what_lies_below() -> None:
    with pytest.raises(NothingRecognised) as caught:
        planned({"backend/app.py": FLASK, "backend/requirements.txt": "flask", "notes/x.md": ""})
    details = "\n".join(caught.value.details)
    assert "'backend' holds an app (python)" in details
    assert all(name in details for name in ("Dockerfile", "Python:", "Node:", "Static files:"))
    assert "notes" not in details


def test_tracked_secrets_are_left_out_and_said() -> None:
    plan = planned(
        {
            "index.html": "",
            ".env": "A=1",
            "certs/site.key": "",
            "certs/ca.pem": "",
            ".npmrc": "//registry.npmjs.org/:_authToken=abc",
        }
    )
    said = next(one for one in plan.warnings if "left out" in one)
    assert all(name in said for name in (".env", "certs/site.key", "certs/ca.pem", ".npmrc"))
    assert plan.dockerignore is not None
    assert ".npmrc" in plan.dockerignore.splitlines()


def test_the_repositorys_ignore_file_follows_ours_and_may_take_back() -> None:
    files = {
        "app.py": FLASK,
        "requirements.txt": "flask",
        "certs/ca.pem": "",
        ".dockerignore": "# c\n*.txt\n!certs/ca.pem\n",
    }
    plan = planned(files)
    lines = (plan.dockerignore or "").splitlines()
    assert lines.index("**/*.pem") < lines.index("!certs/ca.pem") < lines.index("!requirements.txt")
    assert lines[-1] == "**/.git"
    assert not any("left out" in one for one in plan.warnings)


def test_caches_belong_to_the_app() -> None:
    text = planned({"app.py": FLASK, "requirements.txt": "flask"}, app="blog").dockerfile or ""
    assert "id=blog-pip" in text
