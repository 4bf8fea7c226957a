"""GitHub's double shows the pages of the manifest flow: what is accepted, refused, and handed out once."""

import html
import json
from collections.abc import Iterator

import pytest

from tests.doubles.github.browser import Page
from tests.doubles.github.client import call, jwt
from tests.doubles.github.description import Description
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.manifest import errors
from tests.doubles.serve import Answer, HttpsDouble

MANIFEST: dict[str, object] = {
    "name": "deployhost 0a1b2c3d4e",
    "url": "https://deployhost.example",
    "hook_attributes": {"url": "https://hook.example/webhook/1"},
    "redirect_url": "http://127.0.0.1:1/created",
    "setup_url": "http://127.0.0.1:1/installed",
    "public": False,
    "default_permissions": {"contents": "read", "metadata": "read", "statuses": "write", "pull_requests": "write"},
    "default_events": ["push", "pull_request", "repository"],
}


class Program:
    """The program's own page: a form that carries the manifest to GitHub, and where the browser comes back to."""

    def __init__(self, action: str, manifest: dict[str, object]) -> None:
        self.action, self.manifest = action, manifest
        self.server = HttpsDouble(lambda call: self._page() if call.path == "/" else Answer(200, b"thanks"), None)
        for name in ("redirect_url", "setup_url"):
            self.manifest = {**self.manifest, name: f"{self.server.url}/{name}"}

    def _page(self) -> Answer:
        value = html.escape(json.dumps(self.manifest))
        form = f"<form action='{self.action}' method=post><input type=hidden name=manifest value='{value}'></form>"
        return Answer(200, form.encode())


@pytest.fixture
def program(github: GitHubDouble) -> Iterator[Program]:
    program = Program(f"{github.web}/settings/apps/new?state=s-1", MANIFEST)
    yield program
    program.server.stop()


def code_of(page: Page) -> str:
    return page.url.partition("code=")[2].partition("&")[0]


def test_an_app_is_made_and_installed_and_its_key_comes_once(github: GitHubDouble, program: Program) -> None:
    site = github.repository("octo/site", {"a": "1"})
    github.repository("octo/other", {"a": "1"})
    browser = github.browser("octo")
    back = browser.create_app(program.server.url)
    assert back.url.startswith(f"{program.server.url}/redirect_url?code=")
    assert back.url.endswith("&state=s-1")
    made = call(github, "POST", f"/app-manifests/{code_of(back)}/conversions")
    assert made.status == 201
    assert made.content["pem"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert call(github, "POST", f"/app-manifests/{code_of(back)}/conversions").status == 404
    app = github.app("deployhost-0a1b2c3d4e")
    assert (app.hook_active, app.hook_secret) == (True, made.content["webhook_secret"])
    assert app.permissions == {**MANIFEST["default_permissions"]}  # type: ignore[dict-item]
    installed = browser.install(github.install_page(app), [site.id])
    (installation,) = github.world.installations.values()
    assert installed.url == f"{program.server.url}/setup_url?installation_id={installation.id}&setup_action=install"
    assert installation.selected == {site.id}
    assert call(github, "GET", "/users/octo/installation", jwt(app)).content["id"] == installation.id


def test_an_app_of_an_organisation_without_a_hook(github: GitHubDouble, program: Program) -> None:
    github.account("acme", owners=["octo"])
    del program.manifest["hook_attributes"]
    program.action = f"{github.web}/organizations/acme/settings/apps/new"
    made = call(
        github, "POST", f"/app-manifests/{code_of(github.browser('octo').create_app(program.server.url))}/conversions"
    )
    assert (made.content["owner"]["login"], made.content["webhook_secret"]) == ("acme", None)
    app = github.app(made.content["slug"])
    github.browser("octo").install(github.install_page(app))
    assert call(github, "GET", "/orgs/acme/installation", jwt(app)).content["repository_selection"] == "all"
    assert github.browser("hexa").open(github.install_page(app)).status == 404
    assert github.browser("hexa").submit(github.browser("hexa").open(program.server.url)).status == 404


def test_a_code_that_is_too_old_and_a_name_that_is_taken(github: GitHubDouble, program: Program) -> None:
    browser = github.browser("octo")
    code = code_of(browser.create_app(program.server.url))
    github.clock.ahead = 3601
    assert call(github, "POST", f"/app-manifests/{code}/conversions").status == 404
    refused = browser.submit(browser.open(program.server.url))
    assert (refused.status, "Name is already taken" in refused.text) == (422, True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": None}, '"url" wasn\'t supplied.'),
        ({"hook_attributes": {"active": False}}, '"url" wasn\'t supplied.'),
        ({"hook_attributes": {"url": "https://a.example", "secret": "s"}}, '"secret" is not a permitted key.'),
        ({"hook_attributes": {"url": "https://localhost/x"}}, "isn't reachable over the public Internet (localhost)"),
        ({"hook_attributes": {"url": "https://10.0.0.1/x"}}, "isn't reachable over the public Internet (10.0.0.1)"),
        ({"default_events": ["push", "installation"]}, "Default events unsupported: installation"),
        ({"default_events": ["check_run"]}, "Default events are not supported by permissions: check_run"),
        ({"default_events": ["sunrise"]}, "Default events unsupported: sunrise"),
        ({"default_permissions": {"contents": "own"}}, "contents: own"),
        ({"default_permissions": {"everything": "read"}}, "everything: read"),
        ({"name": "x" * 35}, "Name is too long (maximum is 34 characters)"),
        ({"redirect_url": "nowhere"}, '"redirect_url" must be a valid URL'),
        ({"colour": "red"}, '"colour" is not a permitted key.'),
    ],
)
def test_a_manifest_that_github_does_not_take(changed: dict[str, object], said: str) -> None:
    assert errors(json.dumps(MANIFEST), Description(), set()) == []
    assert any(said in error for error in errors(json.dumps({**MANIFEST, **changed}), Description(), set()))
