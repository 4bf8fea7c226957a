"""An app's domains: at the proxy and in the zones of the connection, and what refuses them."""

from typing import Any

import pytest

from deployhost.edge import records
from deployhost.errors import Conflict, ConnectionRefused, DeployhostError, InvalidRequest, ProviderUnavailable
from tests.fakes.assembled import Server, sha
from tests.fakes.joined import WEBHOOK, Joined
from tests.fakes.operations import Operations

ONE = sha(1)
SHOP = "shop.example.com"


def hosts(server: Server) -> list[str]:
    return list(server.table.routes["shop-web"].hosts)


def of(result: Any) -> list[tuple[str, str]]:
    return [(one["domain"], one["record"]) for one in result["records"]]


@pytest.fixture
def joined(server: Server) -> Joined:
    return Joined(server)


def test_domains(server: Server, ops: Operations) -> None:
    app, other = server.add("shop"), server.add("blog")
    ops.push(app, ONE)
    container = ops.daemon.live(app).container
    result = ops.ask("domains.add", name=app, domains=[SHOP])
    assert (result["domains"], result["changed"]) == ([SHOP], [SHOP])
    assert result["records"] == [
        {
            "domain": SHOP,
            "url": f"http://{SHOP}:8000",
            "record": "elsewhere",
            "why": "Cloudflare is not connected",
            "fix": "",
        }
    ]
    assert hosts(server) == ["shop.localhost", SHOP]
    assert ops.daemon.live(app).container == container, "the same container"
    with pytest.raises(Conflict):
        ops.ask("domains.add", name=other, domains=[SHOP])
    assert ops.ask("domains.remove", name=app, domains=[SHOP])["domains"] == []
    assert hosts(server) == ["shop.localhost"]
    assert ops.ask("domains.list", name=app) == {
        "app": "shop",
        "url": "http://shop.localhost:8000",
        "domains": [],
        "records": [],
    }


def test_domains_before_the_first_push(server: Server, ops: Operations) -> None:
    app = server.add("shop")
    ops.ask("domains.add", name=app, domains=[SHOP])
    assert server.table.routes == {}
    ops.push(app, ONE)
    assert SHOP in hosts(server)


def test_a_domain_in_a_zone(server: Server, ops: Operations, joined: Joined) -> None:
    """It is served at https at once, and that is the app's address: in the answer, in `list` and `status`, in pushes."""
    app = server.add("shop")
    ops.push(app, ONE)
    result = ops.ask("domains.add", name=app, domains=["www.example.org", SHOP])
    assert of(result) == [("www.example.org", "elsewhere"), (SHOP, "present")]
    assert joined.leads(SHOP)
    assert hosts(server) == ["shop.localhost", "www.example.org", SHOP]
    assert result["url"] == f"https://{SHOP}"
    [view] = ops.ask("app.list")["apps"]
    assert (view["url"], view["urls"]) == (
        f"https://{SHOP}",
        [f"https://{SHOP}", "http://shop.localhost:8000", "http://www.example.org:8000"],
    )
    assert of(view) == of(result)
    assert ops.push(app, sha(2))["deploy"]["url"] == f"https://{SHOP}"
    joined.calls()
    result = ops.ask("domains.add", name=app, domains=[SHOP])
    assert (result["changed"], joined.changes()) == ([], [])
    result = ops.ask("domains.remove", name=app, domains=[SHOP])
    assert (result["changed"], result["notes"], joined.at(SHOP)) == ([SHOP], [], [])
    assert result["url"] == "http://shop.localhost:8000"


@pytest.mark.parametrize("op", ["domains.add", "app.add"])
@pytest.mark.parametrize(
    ("domain", "error", "code"),
    [("taken.example.com", Conflict, 4), ("a.b.example.com", InvalidRequest, 2), (WEBHOOK, Conflict, 4)],
)
def test_what_is_refused_changes_nothing(
    server: Server, ops: Operations, joined: Joined, op: str, domain: str, error: type[DeployhostError], code: int
) -> None:
    joined.foreign("taken.example.com")
    name = "new" if op == "app.add" else server.add("shop")
    server.add("blog")
    before = server.paths.apps_yml.read_text()
    with pytest.raises(error) as refused:
        ops.ask(op, name=name, domains=["fine.example.com", domain])
    assert refused.value.exit_code == code
    assert (server.paths.apps_yml.read_text(), joined.changes()) == (before, [])
    if domain == "taken.example.com":
        hints = {
            "domains.add": "deployhost domains add shop taken.example.com --replace",
            "app.add": "deployhost add new --domain fine.example.com --domain taken.example.com --replace",
        }
        assert refused.value.hint == hints[op]


def test_replace_takes_the_record(server: Server, ops: Operations, joined: Joined) -> None:
    name = server.add("shop")
    joined.foreign(SHOP)
    other = joined.foreign("other.example.com")
    result = ops.ask("domains.add", name=name, domains=[SHOP], replace=True)
    assert of(result) == [(SHOP, "present")]
    assert joined.leads(SHOP)
    assert other in joined.cloud.records_of(joined.zone.id)


def test_replace_of_a_domain_that_the_app_has(server: Server, ops: Operations, joined: Joined) -> None:
    """As after a refusal that `status` told of."""
    app = server.add("shop", text=f"domains: [{SHOP}]")
    joined.foreign(SHOP)
    ops.daemon.records.follow()
    found = ops.ask("app.status")["server"]["findings"]
    assert found == [
        {
            "severity": "warning",
            "what": "shop.example.com has a DNS record that deployhost did not make",
            "why": "A 203.0.113.7",
            "fix": "deployhost domains add shop shop.example.com --replace",
        }
    ]
    assert of(ops.ask("domains.list", name=app)) == [(SHOP, "refused")]
    assert ops.ask("app.list")["apps"][0]["url"] == "http://shop.localhost:8000"
    assert ops.ask("domains.add", name=app, domains=[SHOP], replace=True)["changed"] == []
    assert joined.leads(SHOP)
    assert ops.ask("app.status")["server"]["findings"] == []


@pytest.mark.parametrize("call", ["records", "create_record", "create_record done"])
def test_cloudflare_does_not_answer(server: Server, ops: Operations, joined: Joined, call: str) -> None:
    """The domain is accepted and stays wanted; the answer and `status` say why its record is not there yet."""

    def fault(name: str) -> None:
        if name == call:
            raise ProviderUnavailable("Cloudflare did not answer in time", hint="x")

    joined.cloud.fault = fault
    name = server.add("shop")
    result = ops.ask("domains.add", name=name, domains=[SHOP])
    assert result["records"] == [
        {
            "domain": SHOP,
            "url": f"https://{SHOP}",
            "record": "waiting",
            "why": "Cloudflare did not answer in time",
            "fix": "x",
        }
    ]
    [found] = ops.ask("app.status")["server"]["findings"]
    assert (found["what"], found["fix"]) == (f"{SHOP} has no DNS record yet", "x")
    assert ops.ask("app.converge", dry_run=True)["notes"] == [
        f"{SHOP} has no DNS record yet; Cloudflare did not answer in time; deployhost tries again each minute: x"
    ]
    joined.cloud.fault = lambda _name: None
    ops.daemon.clock.sleep(records.RETRY)
    ops.daemon.records.follow()
    assert joined.leads(SHOP)
    assert ops.ask("app.status")["server"]["findings"] == []


def test_converge_tries_at_once(server: Server, ops: Operations, joined: Joined) -> None:
    server.add("shop", text=f"domains: [{SHOP}]")
    assert ops.ask("app.converge")["notes"] == []
    assert joined.leads(SHOP)


def test_a_record_that_can_not_be_deleted(server: Server, ops: Operations, joined: Joined) -> None:
    app = server.add("shop")
    ops.ask("domains.add", name=app, domains=[SHOP])

    def fault(name: str) -> None:
        if name == "delete_record":
            raise ConnectionRefused("the token lacks a right")

    joined.cloud.fault = fault
    result = ops.ask("domains.remove", name=app, domains=[SHOP])
    assert (result["changed"], result["notes"]) == (
        [SHOP],
        [f"the DNS record of {SHOP} is deleted as soon as Cloudflare allows it: the token lacks a right"],
    )


def test_an_app_that_is_down_keeps_no_record_waiting(server: Server, ops: Operations, joined: Joined) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    server.engine.end(ops.daemon.live(app).container)
    with pytest.raises(Conflict, match="is down"):
        ops.ask("domains.add", name=app, domains=[SHOP])
    assert joined.leads(SHOP)


def test_remove_takes_the_records_of_the_app(server: Server, ops: Operations, joined: Joined) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    server.add("blog", text="domains: [blog.example.com]")
    ops.ask("domains.add", name=app, domains=[SHOP, "example.com"])
    ops.daemon.records.follow()
    plan = ops.ask("app.remove", name=app, dry_run=True)
    assert [one["what"] for one in plan["steps"] if one["step"] == "RemoveRecords"] == [
        f"delete the DNS records of {SHOP}, example.com"
    ]
    assert joined.leads(SHOP)
    assert ops.ask("app.remove", name=app)["notes"] == []
    assert joined.at(SHOP) == joined.at("example.com") == []
    assert joined.leads("blog.example.com", "blog")
    assert [one["step"] for one in ops.ask("app.remove", name="blog", dry_run=True)["steps"]][1] == "RemoveRecords"


def test_remove_while_cloudflare_does_not_answer(server: Server, ops: Operations, joined: Joined) -> None:
    """The app goes all the same; its record is deleted as soon as Cloudflare answers."""
    app = server.add("shop")
    ops.push(app, ONE)
    ops.ask("domains.add", name=app, domains=[SHOP])

    def fault(_name: str) -> None:
        raise ProviderUnavailable("Cloudflare did not answer in time")

    joined.cloud.fault = fault
    [note] = ops.ask("app.remove", name=app)["notes"]
    assert note.startswith(f"the DNS record of {SHOP} is deleted as soon as Cloudflare allows it")
    joined.cloud.fault = lambda _name: None
    ops.daemon.clock.sleep(records.RETRY)
    ops.daemon.records.follow()
    assert joined.at(SHOP) == []


def test_a_removal_that_broke_off_waits_for_no_answer_of_cloudflares(
    server: Server, ops: Operations, joined: Joined
) -> None:
    """It is tried again beside what keeps the apps up; its records go with the job that asks Cloudflare."""
    app = server.add("shop")
    ops.push(app, ONE)
    ops.ask("domains.add", name=app, domains=[SHOP])
    ops.daemon.removals.begin(app, with_storage=False, listed=True)
    joined.calls()
    ops.daemon.remover.retry()
    assert ops.ask("app.list")["apps"] == []
    assert joined.calls() == []
    ops.daemon.records.follow()
    assert joined.at(SHOP) == []


def test_an_app_that_apps_yml_lost_and_that_is_removed(server: Server, ops: Operations, joined: Joined) -> None:
    app = server.add("shop")
    ops.push(app, ONE)
    ops.ask("domains.add", name=app, domains=[SHOP])
    server.paths.apps_yml.write_text("apps:\n  blog:\n")
    ops.daemon.records.follow()
    assert joined.leads(SHOP)
    ops.ask("app.remove", name=app)
    assert joined.at(SHOP) == []
