"""A tree with a server in a language that is not built here is refused before anything is built, and the old version keeps serving."""

from collections.abc import Callable

import pytest

from tests.inputs.trees import PAGE, REFUSED
from tests.real.system_under_test import App, run

MakeApp = Callable[[str], App]
TREES = {one.name: one.files for one in REFUSED}
CASES = {
    "php": (TREES["php beside a page"], "PHP", "config.php", "usual base image is php:8-apache"),
    "go": (TREES["go with a package.json that builds"], "Go", "main.go:6", "usual base image is golang:1"),
    "rails": (
        TREES["rails with a page"] | TREES["rails with jsbundling"],
        "Ruby",
        "config.ru",
        "usual base image is ruby:3",
    ),
}


def use(app: App, files: dict[str, str]) -> None:
    """Let the clone hold exactly these files, committed."""
    app.git("rm", "-r", "--quiet", ".")
    for path, text in files.items():
        file = app.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    app.commit("another language")


@pytest.mark.parametrize("case", CASES)
def test_refused(make_app: MakeApp, case: str) -> None:
    files, language, where, cure = CASES[case]
    app = make_app("static")
    app.push()
    before = app.body()
    use(app, files)
    pushed = app.push(check=False)
    assert pushed.code == 1, pushed.said
    for said in (f"{language} is not built here", where, cure, "Staticfile", "runtime: static"):
        assert said in pushed.said
    assert app.body() == before
    assert app.get("/config.php").status == 404
    error = app.last_deploy()["error"]
    assert error["code"] == "language_not_built"
    assert not any(phase["name"] == "build" for phase in app.last_deploy()["phases"]), (
        "it fails before anything is built"
    )


def test_its_owner_knows_better(make_app: MakeApp) -> None:
    """`runtime: static` serves the pages, without the sources beside them; it takes effect on the next deploy."""
    app = make_app("static")
    use(app, TREES["php beside a page"])
    assert app.push(check=False).code == 1
    app.configure(runtime="static")
    shown = run(["deployhost", "inspect", app.name], check=False)
    assert shown.code == 0, shown.said
    app.push()
    assert app.body() == PAGE
    assert app.get("/config.php").status == 404
