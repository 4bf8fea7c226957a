"""GitHub's double delivers: what it says, signs and records, and how deliveries go wrong."""

import contextlib
import hashlib
import hmac
import http.server
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.certificates import Authority
from tests.doubles.github.client import call, jwt
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.transports import Received, Unix
from tests.doubles.github.world import App
from tests.doubles.serve import Answer, Call, HttpsDouble

HOOK = "https://hook.example/webhook/0123456789abcdef"


class Hook:
    """Takes deliveries and keeps them; answers with `status`, after `wait` seconds or when it gives up."""

    def __init__(self) -> None:
        self.status, self.wait = 202, 0.0
        self.taken: list[tuple[Mapping[str, str], bytes]] = []

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Received:
        assert url == HOOK
        if self.wait >= seconds:
            time.sleep(seconds)
            raise TimeoutError
        self.taken.append((headers, body))
        return Received(self.status, {}, b"")

    @property
    def events(self) -> list[str]:
        return [headers["X-GitHub-Event"] for headers, _ in self.taken]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [json.loads(body) for headers, body in self.taken if headers["X-GitHub-Event"] == event]


@pytest.fixture
def hook(github: GitHubDouble) -> Hook:
    github.deliveries.transport = hook = Hook()
    return hook


@pytest.fixture
def app(github: GitHubDouble, hook: Hook) -> App:
    del hook
    return github.installed_app("octo", hook_url=HOOK)[0]


def listed(github: GitHubDouble, app: App, query: str = "") -> Any:
    answered = call(github, "GET", f"/app/hook/deliveries{query}", jwt(app))
    assert answered.status == 200, answered.content
    return answered.content


def test_a_push_is_signed_and_says_what_it_changed(github: GitHubDouble, hook: Hook, app: App) -> None:
    site = github.repository("octo/site", {"index.html": "one"})
    before = site.head()
    after = site.commit({"index.html": "two", "b": "c"}, "Second\n\nMore.")
    github.deliveries.settle()
    headers, body = hook.taken[-1]
    assert app.hook_secret is not None
    wanted = hmac.new(app.hook_secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={wanted}"
    assert (headers["X-GitHub-Event"], headers["Content-Type"]) == ("push", "application/json")
    said = json.loads(body)
    assert (said["ref"], said["before"], said["after"]) == ("refs/heads/main", before, after)
    assert (said["created"], said["deleted"], said["forced"]) == (False, False, False)
    assert said["repository"]["full_name"] == "octo/site"
    assert said["head_commit"]["message"] == "Second\n\nMore."
    assert [(one["id"], one["added"], one["modified"]) for one in said["commits"]] == [(after, ["b"], ["index.html"])]
    assert "Hello-World" not in body.decode()
    assert "api.github.com" not in body.decode()


def test_branches_that_appear_move_back_and_go(github: GitHubDouble, hook: Hook, app: App) -> None:
    del app
    site = github.repository("octo/site", {"a": "1"})
    first = site.head() or ""
    site.commit({"a": "2"})
    site.push("main", first)
    site.commit({"a": "3"}, branch="next")
    site.delete_branch("next")
    github.deliveries.settle()
    pushes = [(one["ref"][11:], one["created"], one["forced"], one["deleted"]) for one in hook.said("push")]
    assert pushes == [
        ("main", True, False, False),
        ("main", False, False, False),
        ("main", False, True, False),
        ("next", True, False, False),
        ("next", False, False, True),
    ]
    assert hook.said("push")[-1]["head_commit"] is None


def test_what_else_is_told(github: GitHubDouble, hook: Hook, app: App) -> None:
    site = github.repository("octo/site", {"a": "1"})
    hidden = github.repository("hexa/hidden", {"a": "1"})
    hidden.commit({"a": "2"})
    site.rename("page")
    site.rename_default_branch("trunk")
    site.transfer(github.account("hexa"))
    github.tick_hook(app)
    (installation,) = github.world.installations.values()
    github.suspend(installation)
    github.suspend(installation, suspended=False)
    github.uninstall(installation)
    github.deliveries.settle()
    told = [(event, json.loads(body).get("action")) for event, (_, body) in zip(hook.events, hook.taken, strict=True)]
    assert told == [
        ("installation", "created"),
        ("push", None),
        ("repository", "renamed"),
        ("repository", "edited"),
        ("ping", None),
        ("installation", "suspend"),
        ("installation", "unsuspend"),
        ("installation", "deleted"),
    ]
    renamed, edited = hook.said("repository")
    assert renamed["changes"] == {"repository": {"name": {"from": "site"}}}
    assert edited["changes"] == {"default_branch": {"from": "main"}}
    assert edited["repository"]["default_branch"] == "trunk"
    assert hook.said("ping")[0]["hook"]["app_id"] == app.id


def test_a_transfer_is_told_to_the_new_owners_app(github: GitHubDouble, hook: Hook, app: App) -> None:
    site = github.repository("hexa/site", {"a": "1"})
    site.transfer(app.owner)
    github.deliveries.settle()
    (said,) = hook.said("repository")
    assert said["changes"]["owner"]["from"]["user"]["login"] == "hexa"


def test_a_choice_of_repositories(github: GitHubDouble, hook: Hook) -> None:
    one, other = github.repository("octo/one", {"a": "1"}), github.repository("octo/other", {"a": "1"})
    app, _ = github.installed_app("octo", [one], hook_url=HOOK)
    github.install(app, app.owner, {other.id})
    one.commit({"a": "2"})
    other.commit({"a": "2"})
    github.deliveries.settle()
    assert hook.said("installation")[0]["repositories"][0]["full_name"] == "octo/one"
    added, removed = hook.said("installation_repositories")
    assert [each["id"] for each in added["repositories_added"]] == [other.id]
    assert [each["id"] for each in removed["repositories_removed"]] == [one.id]
    assert [each["repository"]["name"] for each in hook.said("push")] == ["other"]


def test_an_inactive_hook_and_a_push_of_too_many_tags(github: GitHubDouble, hook: Hook, app: App) -> None:
    site = github.repository("octo/site", {"a": "1"})
    before = site.references()
    for number in range(4):
        site.git("tag", f"v{number}", "main")
    site.pushed_since(before)
    github.tick_hook(app, ticked=False)
    site.commit({"a": "2"})
    github.deliveries.settle()
    assert hook.events == ["installation", "push"]


def test_deliveries_are_listed_and_sent_again_under_their_guid(github: GitHubDouble, hook: Hook, app: App) -> None:
    github.deliveries.settle()
    hook.status = 503
    github.repository("octo/site", {"a": "1"})
    github.deliveries.settle()
    pushed, created = listed(github, app)
    assert (pushed["event"], pushed["status_code"], created["status"]) == ("push", 503, "OK")
    assert pushed["status"] == "Invalid HTTP Response: 503"
    hook.status = 202
    assert call(github, "POST", f"/app/hook/deliveries/{pushed['id']}/attempts", jwt(app)).status == 202
    github.deliveries.settle()
    again = listed(github, app)[0]
    assert (again["guid"], again["redelivery"], again["status"]) == (pushed["guid"], True, "OK")
    assert again["id"] != pushed["id"]
    assert hook.taken[-1][0]["X-GitHub-Delivery"] == pushed["guid"]
    assert [one["id"] for one in listed(github, app, "?status=failure")] == [pushed["id"]]
    whole = call(github, "GET", f"/app/hook/deliveries/{pushed['id']}", jwt(app)).content
    assert whole["request"]["payload"]["ref"] == "refs/heads/main"
    assert "payload" not in pushed
    github.clock.ahead = 3 * 86400 + 60
    assert github.world.deliveries[0].kept is False


def test_deliveries_are_read_page_by_page(github: GitHubDouble, hook: Hook, app: App) -> None:
    del hook
    site = github.repository("octo/site", {"a": "1"})
    for number in range(4):
        site.commit({"a": str(number)})
    github.deliveries.settle()
    path, seen = "/app/hook/deliveries?per_page=4", []
    while path:
        answered = call(github, "GET", path, jwt(app))
        seen += [one["id"] for one in answered.content]
        link = answered.headers.get("link", "")
        path = link[1:].partition(">")[0].removeprefix(github.api)
    assert seen == sorted((one.id for one in github.world.deliveries), reverse=True)
    assert len(seen) == 6


def test_deliveries_that_are_lost_doubled_late_and_out_of_order(github: GitHubDouble, hook: Hook, app: App) -> None:
    site = github.repository("octo/site", {"a": "1"})
    github.deliveries.settle()
    hook.taken.clear()
    github.deliveries.lose()
    site.commit({"a": "2"})
    github.deliveries.duplicate()
    doubled = site.commit({"a": "3"})
    github.deliveries.delay(0.2)
    began = time.monotonic()
    late = site.commit({"a": "4"})
    github.deliveries.settle()
    assert time.monotonic() >= began + 0.2
    soon = site.commit({"a": "5"})
    github.deliveries.settle()
    assert [one["after"] for one in hook.said("push")] == [doubled, doubled, late, soon]
    assert hook.taken[0][0]["X-GitHub-Delivery"] == hook.taken[1][0]["X-GitHub-Delivery"]
    github.deliveries.hold()
    held = [site.commit({"a": name}) for name in "xyz"]
    github.deliveries.release(lambda them: them[::-1])
    github.deliveries.settle()
    assert [one["after"] for one in hook.said("push")][4:] == held[::-1]
    assert len(listed(github, app)) == 9


def test_a_hook_that_hangs_and_one_that_is_not_there(github: GitHubDouble, hook: Hook, app: App) -> None:
    github.deliveries.seconds, hook.wait = 0.1, 1.0
    site = github.repository("octo/site", {"a": "1"})
    github.deliveries.settle()
    github.deliveries.transport = Unix(Path("/nonexistent/socket"))
    site.commit({"a": "2"})
    github.deliveries.settle()
    assert [(one["status"], one["status_code"]) for one in listed(github, app)[:2]] == [
        ("failed to connect to host", 502),
        ("timed out", 504),
    ]


@pytest.fixture
def hook_over_tls(authority: Authority) -> Iterator[HttpsDouble]:
    with HttpsDouble(lambda _: Answer(202), authority.server_context("hook.example", "127.0.0.1")) as server:
        yield server


def test_over_https_to_another_address(github: GitHubDouble, hook_over_tls: HttpsDouble) -> None:
    github.reach("hook.example", "127.0.0.1", hook_over_tls.port)
    github.installed_app("octo", hook_url=HOOK)
    github.deliveries.settle()
    (taken,) = hook_over_tls.record.calls
    assert _brief(taken) == ("POST", "/webhook/0123456789abcdef", "hook.example", "installation")
    assert github.world.deliveries[0].status == "OK"


def test_an_answer_that_comes_too_slowly(github: GitHubDouble) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        github.reach("hook.example", *door.getsockname())
        github.deliveries.seconds = 0.5
        trickling = threading.Thread(target=_trickle, args=(door, github.authority.server_context("hook.example")))
        trickling.start()
        github.installed_app("octo", hook_url=HOOK)
        github.deliveries.settle()
        trickling.join()
    assert (github.world.deliveries[0].status, github.world.deliveries[0].seconds < 2) == ("timed out", True)


def _trickle(door: socket.socket, context: ssl.SSLContext) -> None:
    plain, _ = door.accept()
    with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
        for letter in b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n":
            connection.send(bytes((letter,)))
            time.sleep(0.1)


def test_a_transport_that_is_wrong_is_told(github: GitHubDouble) -> None:
    def broken(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Received:
        raise ZeroDivisionError

    github.deliveries.transport = broken
    github.installed_app("octo", hook_url=HOOK)
    with pytest.raises(ZeroDivisionError):
        github.deliveries.settle()


def _brief(taken: Call) -> tuple[str, str, str, str]:
    return taken.method, taken.path, taken.headers["host"], taken.headers["x-github-event"]


class _Taking(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.taken.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
        self.send_response(202)
        self.end_headers()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
        pass


def test_into_a_unix_socket(github: GitHubDouble, tmp_path: Path) -> None:
    path = tmp_path / "hook.sock"
    with socketserver.UnixStreamServer(str(path), _Taking) as server:
        server.taken = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        github.deliveries.transport = Unix(path)
        github.installed_app("octo", hook_url=HOOK)
        github.deliveries.settle()
        server.shutdown()
        assert [taken[0] for taken in server.taken] == ["/webhook/0123456789abcdef"]  # type: ignore[attr-defined]
    assert github.world.deliveries[0].status == "OK"
