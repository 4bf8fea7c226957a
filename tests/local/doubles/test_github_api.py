"""GitHub's double: what its API answers, and each thing that it refuses."""

import time
from pathlib import Path

import pytest

from tests.doubles.certificates import Authority
from tests.doubles.github.client import Answered, call, jwt, token
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.repositories import Repository
from tests.doubles.github.world import App, Installation


class Site:
    """A private repository of octo, an App that is installed on all of octo's, and a token."""

    def __init__(self, github: GitHubDouble) -> None:
        self.github = github
        self.repository: Repository = github.repository("octo/site", {"index.html": "one"})
        self.app: App
        self.installation: Installation
        self.app, self.installation = github.installed_app("octo")
        self.token = token(github, self.installation)
        self.sha = self.repository.head() or ""

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answered:
        return call(self.github, method, path, self.token, body, **headers)

    def as_app(self, method: str, path: str, body: object = None) -> Answered:
        return call(self.github, method, path, jwt(self.app), body)

    def status(self, **changed: object) -> Answered:
        body = {"state": "success", "context": "deployhost/site", **changed}
        return self.ask("POST", f"/repositories/{self.repository.id}/statuses/{self.sha}", body)


@pytest.fixture
def site(github: GitHubDouble) -> Site:
    return Site(github)


def message(answered: Answered) -> tuple[int, str]:
    return answered.status, answered.content["message"]


def test_an_app_sees_itself_and_its_installations(site: Site) -> None:
    assert site.as_app("GET", "/app").content["slug"] == site.app.slug
    listed = site.as_app("GET", "/app/installations").content
    assert [one["id"] for one in listed] == [site.installation.id]
    for path in (
        f"/app/installations/{site.installation.id}",
        "/users/octo/installation",
        "/repos/octo/site/installation",
    ):
        assert site.as_app("GET", path).content == listed[0]
    assert site.as_app("GET", "/orgs/octo/installation").status == 404
    assert site.as_app("GET", "/app/installations/1").status == 404


def test_a_repository_by_name_and_by_id(site: Site) -> None:
    by_name = site.ask("GET", "/repos/Octo/Site").content
    assert by_name == site.ask("GET", f"/repositories/{site.repository.id}").content
    assert (by_name["id"], by_name["default_branch"], by_name["private"]) == (site.repository.id, "main", True)
    branch = site.ask("GET", f"/repositories/{site.repository.id}/branches/main").content
    assert branch["commit"]["sha"] == site.sha
    assert site.ask("GET", "/repos/octo/site/commits/main").content["sha"] == site.sha
    assert site.ask("GET", "/installation/repositories").content["repositories"][0]["id"] == site.repository.id


def test_an_etag_counts_for_its_token_and_a_304_costs_nothing(site: Site, github: GitHubDouble) -> None:
    path = f"/repositories/{site.repository.id}/branches/main"
    first = site.ask("GET", path)
    again = site.ask("GET", path, If_None_Match=first.headers["etag"])
    assert (again.status, again.content) == (304, None)
    assert again.headers["x-ratelimit-remaining"] == first.headers["x-ratelimit-remaining"]
    other = token(github, site.installation)
    assert call(github, "GET", path, other, If_None_Match=first.headers["etag"]).status == 200
    site.repository.commit({"index.html": "two"})
    assert site.ask("GET", path, If_None_Match=first.headers["etag"]).status == 200


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iat": 60}, "'Issued at' claim ('iat')"),
        ({"exp": -1}, "'Expiration time' claim ('exp') must"),
        ({"exp": 660}, "'Expiration time' claim ('exp') is too far in the future"),
    ],
)
def test_a_jwt_with_a_wrong_time(github: GitHubDouble, claims: dict[str, int], said: str) -> None:
    app, _ = github.installed_app("octo")
    now = int(time.time())
    answered = call(github, "GET", "/app", jwt(app, **{name: now + seconds for name, seconds in claims.items()}))
    assert answered.status == 401
    assert said in answered.content["message"]


def test_a_jwt_of_another_key_none_at_all_and_a_clock_that_is_off(github: GitHubDouble) -> None:
    app, installation = github.installed_app("octo")
    other, _ = github.installed_app("octo")
    could_not = (401, "A JSON web token could not be decoded")
    assert message(call(github, "GET", "/app", jwt(other, iss=app.client_id))) == could_not
    assert message(call(github, "GET", "/app")) == could_not
    assert message(call(github, "GET", "/app", jwt(app, iss="somebody"))) == (404, "Integration not found")
    assert message(call(github, "GET", "/app", token(github, installation))) == could_not
    github.clock.ahead = -300
    answered = call(github, "GET", "/app", jwt(app))
    assert answered.status == 401
    assert answered.headers["date"].endswith("GMT")


def test_a_token_for_one_repository_and_one_right(site: Site, github: GitHubDouble) -> None:
    other = github.repository("octo/other", {"a": "b"})
    limited = token(github, site.installation, repository_ids=[other.id], permissions={"contents": "read"})
    assert call(github, "GET", f"/repositories/{other.id}/branches/main", limited).status == 200
    assert message(call(github, "GET", f"/repositories/{site.repository.id}", limited)) == (404, "Not Found")
    refused = call(github, "POST", f"/repositories/{other.id}/statuses/{other.head()}", limited, {"state": "success"})
    assert message(refused) == (403, "Resource not accessible by integration")
    assert refused.headers["x-accepted-github-permissions"] == "statuses=write"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"permissions": {"administration": "write"}}, "The permissions requested are not granted"),
        ({"repository_ids": [1] * 501}, "At most 500"),
        ({"repository_ids": [1]}, "at least one repository that does not exist or is not accessible"),
        ({"repositories": ["elsewhere"]}, "at least one repository that does not exist or is not accessible"),
    ],
)
def test_a_token_for_more_than_was_granted(site: Site, asked: dict[str, object], said: str) -> None:
    answered = site.as_app("POST", f"/app/installations/{site.installation.id}/access_tokens", asked)
    assert answered.status == 422
    assert said in answered.content["message"]


def test_tokens_end(site: Site, github: GitHubDouble) -> None:
    revoked = token(github, site.installation)
    assert call(github, "DELETE", "/installation/token", revoked).status == 204
    assert message(call(github, "GET", "/repos/octo/site", revoked)) == (401, "Bad credentials")
    github.clock.ahead = 3601
    assert message(site.ask("GET", "/repos/octo/site")) == (401, "Bad credentials")


def test_a_suspended_installation_then_none(site: Site, github: GitHubDouble) -> None:
    github.suspend(site.installation)
    tokens = f"/app/installations/{site.installation.id}/access_tokens"
    gone = (403, "This installation has been suspended")
    assert message(site.as_app("POST", tokens)) == message(site.ask("GET", "/repos/octo/site")) == gone
    github.suspend(site.installation, suspended=False)
    assert site.ask("GET", "/repos/octo/site").status == 200
    assert site.as_app("DELETE", f"/app/installations/{site.installation.id}").status == 204
    assert site.ask("GET", "/repos/octo/site").status == 401
    assert site.as_app("POST", tokens).status == 404
    assert site.as_app("GET", "/users/octo/installation").status == 404
    github.delete_app(site.app)
    assert site.as_app("GET", "/app").status == 404


def test_a_former_name_leads_on_until_it_is_used_again(site: Site, github: GitHubDouble) -> None:
    site.repository.rename("page")
    moved = site.ask("GET", "/repos/octo/site/branches/main")
    assert (moved.status, moved.headers["location"]) == (
        301,
        f"{github.api}/repositories/{site.repository.id}/branches/main",
    )
    assert site.ask("POST", f"/repos/octo/site/statuses/{site.sha}", {"state": "success"}).status == 307
    other = github.repository("octo/site", {"a": "b"})
    assert site.ask("GET", "/repos/octo/site").content["id"] == other.id
    site.repository.transfer(github.account("hexa"))
    assert site.ask("GET", f"/repositories/{site.repository.id}").status == 404
    assert site.ask("GET", "/repos/octo/page").status == 404


def test_an_owner_that_is_renamed(site: Site, github: GitHubDouble) -> None:
    github.rename_account(site.app.owner, "octocat")
    assert site.ask("GET", "/repos/octo/site").status == 301
    assert site.ask("GET", f"/repositories/{site.repository.id}").content["full_name"] == "octocat/site"
    assert site.as_app("GET", "/users/octocat/installation").content["id"] == site.installation.id
    assert site.as_app("GET", "/users/octo/installation").status == 404


def test_a_renamed_branch_an_empty_repository_and_what_is_not_there(site: Site, github: GitHubDouble) -> None:
    site.repository.rename_default_branch("trunk")
    moved = site.ask("GET", "/repos/octo/site/branches/main")
    assert (moved.status, moved.headers["location"][-14:]) == (301, "branches/trunk")
    assert site.ask("GET", "/repos/octo/site").content["default_branch"] == "trunk"
    assert message(site.ask("GET", "/repos/octo/site/branches/none")) == (404, "Branch not found")
    assert site.ask("GET", "/repos/octo/site/commits/" + "0" * 40).status == 422
    github.repository("octo/empty")
    assert message(site.ask("GET", "/repos/octo/empty/branches/main")) == (404, "Branch not found")
    assert message(site.ask("GET", "/repos/octo/empty/commits/main")) == (409, "Git Repository is empty.")
    assert message(site.ask("GET", "/repos/octo/none")) == (404, "Not Found")


def test_a_public_repository_is_read_by_everybody_and_written_by_none(site: Site, github: GitHubDouble) -> None:
    public = github.repository("hexa/public", {"a": "b"}, private=False)
    assert call(github, "GET", f"/repositories/{public.id}").status == 200
    assert site.ask("GET", f"/repositories/{public.id}/branches/main").status == 200
    refused = site.ask("POST", f"/repositories/{public.id}/statuses/{public.head()}", {"state": "success"})
    assert refused.status == 403


def test_statuses(site: Site) -> None:
    assert site.status(state="pending").content["creator"]["login"] == f"{site.app.slug}[bot]"
    assert site.status(description="Live in 3 s", target_url="https://octo.example").status == 201
    combined = site.ask("GET", f"/repos/octo/site/commits/{site.sha}/status").content
    assert (combined["state"], combined["total_count"]) == ("success", 1)
    listed = site.ask("GET", f"/repos/octo/site/commits/{site.sha}/statuses").content
    assert [one["state"] for one in listed] == ["success", "pending"]


def test_statuses_that_are_refused(site: Site) -> None:
    assert site.status(description="x" * 140).status == 201
    for changed, said in (
        ({"description": "x" * 141}, "description is too long (maximum is 140 characters)"),
        ({"target_url": "ftp://octo.example"}, "target_url must use http(s) scheme"),
    ):
        refused = site.status(**changed)
        assert (refused.status, refused.content["errors"][0]["message"]) == (422, said)
    unknown = site.ask("POST", f"/repos/octo/site/statuses/{'0' * 40}", {"state": "success"})
    assert message(unknown) == (422, f"No commit found for SHA: {'0' * 40}")
    kept = site.repository.statuses[0]
    site.repository.statuses.extend([kept] * 999)
    assert site.status().content["errors"][0]["message"].startswith("This SHA and context has reached the maximum")
    assert site.status(context="deployhost/other").status == 201
    site.repository.archive()
    assert message(site.status(context="a")) == (403, "Repository was archived so is read-only.")
    assert site.ask("GET", "/repos/octo/site").content["archived"] is True


def test_rate_limits(site: Site, github: GitHubDouble) -> None:
    github.limits.writes_per_minute = 1
    assert site.status().status == 201
    secondary = site.status()
    assert (secondary.status, secondary.headers["retry-after"]) == (403, "60")
    github.exhaust(site.installation)
    primary = site.ask("GET", "/repos/octo/site")
    assert primary.content["message"] == f"API rate limit exceeded for installation ID {site.installation.id}."
    assert (primary.status, primary.headers["x-ratelimit-remaining"]) == (403, "0")
    assert int(primary.headers["x-ratelimit-reset"]) > time.time()
    assert site.ask("GET", "/rate_limit").content["rate"]["remaining"] == 0
    github.clock.ahead = 3599
    assert site.ask("GET", "/rate_limit").status == 200
    assert site.as_app("GET", "/app").status == 401
    github.throttle(seconds=7)
    throttled = site.ask("GET", "/repos/octo/site")
    assert (throttled.status, throttled.headers["retry-after"]) == (403, "7")


def test_the_hooks_configuration(github: GitHubDouble) -> None:
    app, _ = github.installed_app("octo")
    wanted = {"url": "https://hook.example/webhook/1", "content_type": "json", "secret": "s", "insecure_ssl": "0"}
    assert call(github, "GET", "/app/hook/config", jwt(app)).status == 404
    assert call(github, "PATCH", "/app/hook/config", jwt(app), wanted).status == 404
    github.world.hookless = "empty"
    assert call(github, "GET", "/app/hook/config", jwt(app)).content == {"content_type": "form", "insecure_ssl": "0"}
    shown = call(github, "PATCH", "/app/hook/config", jwt(app), wanted)
    assert (shown.status, shown.content) == (200, {**wanted, "secret": "********"})
    assert (app.hook_secret, app.hook_active) == ("s", False)


def test_the_shape_of_github_com(tmp_path: Path, authority: Authority) -> None:
    with GitHubDouble(tmp_path, authority, web="https://github.test", api="https://api.github.test") as github:
        app, installation = github.installed_app("octo")
        github.repository("octo/site", {"a": "b"})
        seen = call(github, "GET", "/repos/octo/site", token(github, installation)).content
        assert seen["url"] == "https://api.github.test/repos/octo/site"
        assert seen["clone_url"] == "https://github.test/octo/site.git"
        assert call(github, "GET", "/app", jwt(app)).content["html_url"] == f"https://github.test/apps/{app.slug}"
        github.record.check()


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "/user/repos", None, "not in the cut"),
        ("GET", "/repos/octo/site?colour=red", None, "no query parameter colour"),
        ("POST", "/repos/octo/site/statuses/" + "0" * 40, {"state": "fine"}, "fine"),
        ("POST", "/repos/octo/site/statuses/" + "0" * 40, {"state": "success", "colour": "red"}, "colour"),
        ("GET", "/repos/octo/site", {"a": 1}, "takes no body"),
    ],
)
def test_what_github_does_not_know_is_a_violation(
    site: Site, github: GitHubDouble, method: str, path: str, body: object, said: str
) -> None:
    assert site.ask(method, path, body).status == 500
    assert said in github.record.violations[0]
    github.record.forget()
