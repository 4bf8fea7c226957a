"""Trees with a server in a language that is not built here are refused; those beside which one only seems to be are built."""

import pytest

from deployhost.build.detect.languages.commands import language_of, programs_of
from deployhost.build.detect.languages.table import LANGUAGES
from deployhost.build.directory import load_templates
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.build.refusals import holds_programs
from deployhost.build.tree import MemoryTree
from deployhost.errors import LanguageNotBuilt, NothingRecognised
from deployhost.model import RuntimeName
from tests.inputs.trees import GO, GO_MOD, KEPT, PAGE, RAILS, REFUSED, VITE, Kept, Refused, package

TEMPLATES = load_templates()


def planned(files: dict[str, str], runtime: RuntimeName | None = None, *, web: bool = False) -> BuildPlan:
    return plan_build(MemoryTree(files), templates=TEMPLATES, app="shop", runtime=runtime, web=web)


def refused(files: dict[str, str]) -> NothingRecognised:
    with pytest.raises(NothingRecognised) as caught:
        planned(files)
    return caught.value


def test_there_are_enough() -> None:
    assert len(REFUSED) >= 60
    assert len(KEPT) >= 25


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused(case: Refused) -> None:
    error = refused(case.files)
    said = "\n".join((error.message, *error.details))
    assert case.language in said
    assert case.path in said, "the file that shows it"
    assert "Dockerfile" in said or "web: COMMAND" in said, "and what to do"
    assert error.hint
    assert "index.html" not in error.hint
    if isinstance(error, LanguageNotBuilt):
        assert case.language in error.message
        assert " is not built here" in error.message
        assert "usual base image is " in said


WITH_PAGES = [
    one
    for one in REFUSED
    if not {"index.html", "public/index.html", "static/index.html", "docs/index.html"}.isdisjoint(one.files)
    and "worker" not in one.files.get("Procfile", "")
]


@pytest.mark.parametrize("case", WITH_PAGES, ids=lambda case: case.name)
def test_its_owner_may_know_better(case: Refused) -> None:
    """Where there are pages, apps.yml or a Staticfile can say that they are all."""
    details = "\n".join(refused(case.files).details)
    assert any(one in details for one in ("runtime: static", "a Staticfile"))
    assert "nginx" in str(planned(case.files, RuntimeName.STATIC).start)
    assert "nginx" in str(planned(case.files | {"Staticfile": ""}).start)


@pytest.mark.parametrize("folder", ["server", "backend", "api"])
@pytest.mark.parametrize("build", [{}, {"package.json": VITE}], ids=["files", "site"])
def test_a_server_below_a_site_is_told(folder: str, build: dict[str, str]) -> None:
    files = {
        "index.html": PAGE,
        f"{folder}/app.py": "import flask\napp = flask.Flask('x')\n",
        f"{folder}/requirements.txt": "flask\n",
    } | build
    assert f"{folder}/ holds a server (python) that is not deployed" in " ".join(planned(files).warnings)


@pytest.mark.parametrize("case", KEPT, ids=lambda case: case.name)
def test_kept(case: Kept) -> None:
    plan = planned(case.files)
    assert plan.runtime == case.runtime
    assert case.start in str(plan.start)


def test_a_line_is_named_where_one_says_it() -> None:
    assert "main.go:6 shows a Go server" in refused({"go.mod": GO_MOD, "main.go": GO, "index.html": PAGE}).message
    said = refused({"Gemfile": RAILS, "public/index.html": PAGE}).message
    assert said == "Gemfile:3 shows a Ruby server, gem rails, and Ruby is not built here"
    assert "Procfile:1 " in refused({"Procfile": "web: bundle exec puma\n", "index.html": PAGE}).message


def test_what_is_commented_out_shows_nothing() -> None:
    files = {"package.json": VITE, "index.html": PAGE, "Gemfile": "# gem 'rails'\ngem 'fastlane'\n"}
    assert planned(files).runtime == "node"


@pytest.mark.parametrize(
    ("runtime", "files", "start"),
    [
        (RuntimeName.STATIC, {"index.html": PAGE, "app.py": "import flask\napp = flask.Flask(__name__)\n"}, "nginx"),
        (RuntimeName.STATIC, {"package.json": VITE, "index.html": PAGE, "go.mod": GO_MOD, "main.go": GO}, "nginx"),
        (
            RuntimeName.NODE,
            {"package.json": package(scripts={"start": "node s.js"}), "app.py": "import flask\napp = flask.Flask('x')\n",
             "requirements.txt": "flask"},
            "node s.js",
        ),
        (
            RuntimeName.PYTHON,
            {"package.json": package(scripts={"start": "node s.js"}), "app.py": "import flask\napp = flask.Flask('x')\n",
             "requirements.txt": "flask"},
            "app:app",
        ),
        (RuntimeName.PYTHON, {"main.py": "", "index.html": PAGE}, "python main.py"),
    ],
)  # fmt: skip
def test_apps_yml_says_what_a_tree_is(runtime: RuntimeName, files: dict[str, str], start: str) -> None:
    assert start in str(planned(files, runtime).start)


@pytest.mark.parametrize("runtime", RuntimeName)
def test_a_tree_that_is_not_what_apps_yml_says(runtime: RuntimeName) -> None:
    with pytest.raises(NothingRecognised, match=f"apps.yml says runtime: {runtime}, but"):
        planned({"README.md": "x", "config.php": "<?php"}, runtime)


def test_a_web_command_of_apps_yml_makes_up_for_a_procfile_without_one() -> None:
    files = {"Procfile": "worker: python bot.py\n", "bot.py": "", "requirements.txt": "discord.py\n"}
    assert planned(files, web=True).processes == {"worker": "python bot.py"}


@pytest.mark.parametrize(
    ("paths", "holds"),
    [
        ([], False),
        (["README.md", "LICENSE", ".gitignore", ".github/workflows/x.yml", "logo.svg", "docs/notes.txt"], False),
        (["start.sh"], True),
        (["README.md", "shop.cob"], True),
        (["bin/shop"], True),
        (["Makefile"], True),
    ],
)
def test_what_may_be_a_program(paths: list[str], holds: bool) -> None:
    assert holds_programs(paths) is holds


def test_lines_of_a_procfile_that_make_no_sense_are_told() -> None:
    files = {"index.html": PAGE, "Procfile": "# a comment\nworker.1: x\n\njust words\n"}
    warnings = [one for one in planned(files).warnings if "Procfile" in one]
    assert [one.split(" is ")[0] for one in warnings] == ["line 2 of the Procfile", "line 4 of the Procfile"]


def test_a_space_before_the_colon_is_forgiven() -> None:
    assert "bundle" in refused({"index.html": PAGE, "Procfile": "web : bundle exec puma\n"}).message


@pytest.mark.parametrize(
    ("command", "programs", "language"),
    [
        ("bundle exec puma", ["bundle"], "Ruby"),
        ("exec env RACK_ENV=production bundle exec rackup", ["bundle"], "Ruby"),
        ("cd api && bin/rails server -p $PORT", ["bin/rails"], "Ruby"),
        ("sh -c 'exec java -jar target/shop.jar'", ["java"], "Java"),
        ('bash -lc "cd x; php8.2 -S 0.0.0.0:$PORT"', ["php8.2"], "PHP"),
        ("vendor/bin/heroku-php-apache2 public/", ["vendor/bin/heroku-php-apache2"], "PHP"),
        ("./gradlew run", ["./gradlew"], "Java"),
        ("java $JAVA_OPTS -Dserver.port=$PORT -jar build/libs/shop.jar", ["java"], "Java"),
        ("sh target/bin/webapp", ["target/bin/webapp"], "Java"),
        ("target/universal/stage/bin/shop -Dhttp.port=$PORT", ["target/universal/stage/bin/shop"], "Scala"),
        ("_build/prod/rel/shop/bin/shop start", ["_build/prod/rel/shop/bin/shop"], "Elixir"),
        ("./target/release/shop", ["./target/release/shop"], "Rust"),
        (".build/release/App serve", [".build/release/App"], "Swift"),
        ("timeout 60 dotnet out/Shop.dll", ["dotnet"], ".NET"),
        ("perl app.pl daemon", ["perl"], "Perl"),
        ("./app.pl daemon", ["./app.pl"], "Perl"),
        ("R -e 'shiny::runApp()'", ["R"], "R"),
        ("deno run -A main.ts", ["deno"], "Deno"),
        ("npm run build && php artisan serve", ["npm", "php"], "PHP"),
        ("gunicorn app:app", ["gunicorn"], None),
        ("python3.12 manage.py runserver", ["python3.12"], None),
        ("node server.js | tee log", ["node", "tee"], None),
        ("./start.sh", ["./start.sh"], None),
        ("sh start.sh", ["start.sh"], None),
        ("", [], None),
        ("'", ["'"], None),
        ("sh -c \"sh -c 'sh -c x'\"", ["x"], None),
    ],
)
def test_what_a_command_needs(command: str, programs: list[str], language: str | None) -> None:
    found = language_of(command)
    assert list(programs_of(command)) == programs
    assert (found[0].name if found else None) == language


def test_a_row_says_enough() -> None:
    assert len({one.name for one in LANGUAGES}) == len(LANGUAGES)
    for one in LANGUAGES:
        assert one.image
        assert one.manifests or one.pages or one.servers, one.name
        names = (*one.manifests, *one.servers, *one.mains, *one.library, *one.pages, *one.sources, *one.programs)
        assert [name for name in names if name != name.lower()] == [], one.name


def test_every_language_has_a_tree_that_is_refused() -> None:
    named = {one.language for one in REFUSED}
    assert {one.name for one in LANGUAGES} - named <= {"Lua"}


@pytest.mark.parametrize("root", ["nowhere", "..", "/", "a b", "../public"])
def test_a_staticfile_whose_root_holds_no_page_is_refused(root: str) -> None:
    """Nothing else is published in its place."""
    if root == "/":  # the repository's own root
        assert planned({"index.html": PAGE, "Staticfile": "root: /\n"}).runtime == "static"
        return
    for files in ({}, {"config.php": "<?php"}):
        error = refused({"index.html": PAGE, "public/index.html": PAGE, "Staticfile": f"root: {root}\n", **files})
        assert "the Staticfile names the root" in error.message
        assert error.hint == "${EDITOR:-vi} Staticfile"


def test_what_a_staticfile_does_not_say_right_is_told() -> None:
    plan = planned({"public/index.html": PAGE, "Staticfile": "# pages\nRoot: public\npublic\nssi: enabled\n"})
    assert [one for one in plan.warnings if "Staticfile" in one] == [
        "line 3 of the Staticfile is ignored: it must be `key: value`, as in `root: public`"
    ]
    assert '["public/", "/srv/www/"]' in (plan.dockerfile or "")


def test_a_built_site_whose_root_cannot_be_is_refused() -> None:
    assert "Staticfile" in refused({"package.json": VITE, "Staticfile": "root: ../x\n"}).message


def test_a_page_that_still_has_to_be_built_is_told() -> None:
    warnings = planned({"index.html": "---\nlayout: default\n---\n{{ content }}\n"}).warnings
    assert any("front matter" in one for one in warnings)


def test_the_root_of_a_workspace_is_told_to_build_what_it_starts() -> None:
    member = package(scripts={"build": "next build", "start": "next start"}, dependencies={"next": "15"})
    hint = refused({"package.json": package(workspaces=["apps/*"]), "apps/web/package.json": member}).hint
    assert (
        hint
        == "npm pkg set scripts.build='npm run build --prefix apps/web' scripts.start='npm run start --prefix apps/web'"
    )


def test_the_root_of_a_workspace_is_told_the_folder_of_its_site() -> None:
    api = package(scripts={"start": "node s.js", "build": "tsc"}, dependencies={"express": "5"})
    files = {
        "package.json": package(workspaces=["apps/*"]),
        "apps/api/package.json": api,
        "apps/web/package.json": VITE,
    }
    assert any("(root: apps/web/dist)" in line for line in refused(files).details)


def test_a_dockerfile_is_only_written_where_nothing_else_is_to_be_built() -> None:
    files = {"go.mod": GO_MOD, "main.go": GO, "index.html": PAGE}
    assert "golang:1" in refused(files).hint
    assert refused(files | {"client/package.json": VITE}).hint == "${EDITOR:-vi} Dockerfile"
