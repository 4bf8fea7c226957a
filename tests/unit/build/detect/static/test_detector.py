"""Files that are served as they are."""

import pytest

from tests.unit.build.detect.cases import Case, check, package

CASES = [
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
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_plan(case: Case) -> None:
    check(case)
