"""The operations on apps whose repository is on GitHub: added, deployed, shown, pushed to in vain."""

from datetime import UTC, datetime

import pytest

from deployhost.cli import views
from deployhost.config.env import revealed
from deployhost.errors import Conflict, ProviderUnavailable
from tests.fakes.assembled import Server, sha
from tests.fakes.on_github import SHOP, OnGitHub
from tests.fakes.operations import Operations

ONE, TWO = sha(1), sha(2)


@pytest.fixture
def there(server: Server) -> OnGitHub:
    return OnGitHub(server, ONE)


@pytest.fixture
def ops(there: OnGitHub, ops: Operations) -> Operations:
    return ops


def add(ops: Operations, **more: object) -> dict[str, object]:
    return dict(ops.ask("app.add_source", **({"source": "https://github.com/octo/shop"} | more)))


def test_added_and_followed(ops: Operations) -> None:
    added = add(ops, variables={"A": "1"}, branch="main", domains=["a.example.com"])
    assert added["app"] == "shop"
    assert added["deploy"]["status"] == "live"  # type: ignore[index]
    assert added["view"]["source"] == "octo/shop"  # type: ignore[index]
    assert ops.events[0]["event"] == "deploy"
    assert revealed(ops.daemon.env.read(SHOP)) == {"A": "1"}
    again = add(ops)
    assert (again["deploy"], len(again["notes"])) == (None, 1)  # type: ignore[arg-type]


def test_not_followed_and_not_deployed(ops: Operations, there: OnGitHub) -> None:
    assert add(ops, deploy=False)["deploy"] is None
    there.push(TWO)
    assert ops.ask("deploy.start", name="shop", follow=False)["sha"] == TWO
    ops.rest()
    assert ops.daemon.live(SHOP).sha == TWO


def test_deployed_by_name(ops: Operations, there: OnGitHub) -> None:
    add(ops)
    there.push(TWO, "feature")
    assert ops.ask("deploy.start", name="shop", ref="feature")["sha"] == TWO
    assert "the branch stays" in next(event["text"] for event in ops.events if event["event"] == "note")


def test_status_and_list(ops: Operations, there: OnGitHub, server: Server) -> None:
    add(ops)
    [listed] = ops.ask("app.list")["apps"]
    assert (listed["source"], listed["branch"], listed["url"]) == ("octo/shop", "main", "http://shop.localhost:8000")
    found = ops.ask("app.status")
    assert found["server"]["findings"] == []
    server.github.fail("repository_by_id", ProviderUnavailable("github.com can't be reached: no route"))
    ops.daemon.looks.look(SHOP)
    server.now += 300
    found = ops.ask("app.status")
    [finding] = found["server"]["findings"]
    assert (finding["what"], finding["severity"]) == ("github.com can't be reached: no route", "warning")
    assert finding["why"] == "shop keeps serving, and gets no new commits"
    text = "\n".join(views.status(found, datetime.now(UTC)))  # type: ignore[arg-type]
    assert text.count("github.com can't be reached") == 1, "it is said with the app"
    assert "  ! github.com can't be reached: no route (for 5 min)" in text
    assert "  source   octo/shop on GitHub" in text
    assert "remote" not in text, "nobody can push there"
    ops.daemon.looks.look(SHOP)
    assert ops.ask("app.status")["server"]["findings"] == []


def test_a_push_here_is_refused(ops: Operations) -> None:
    add(ops)
    answer = ops.ask("push", app="shop", ref="refs/heads/main", old="0" * 40, new=TWO)
    assert (answer["outcome"], answer["deploy"]) == ("ng", None)
    assert answer["message"] == "shop is deployed from octo/shop on GitHub: push there"


def test_inspected_before_anything_was_deployed(ops: Operations, there: OnGitHub) -> None:
    there.shop.branches.clear()
    add(ops)
    with pytest.raises(Exception, match="no commit of octo/shop") as failed:
        ops.ask("app.inspect", name="shop")
    assert failed.value.hint == "deployhost deploy shop"  # type: ignore[attr-defined]


def test_removed_and_added_by_pushes(ops: Operations) -> None:
    add(ops)
    ops.ask("app.remove", name="shop")
    assert ops.daemon.sources.of(SHOP) is None
    assert ops.ask("app.add", name="shop")["source"] is None
    with pytest.raises(Conflict):
        add(ops)
