"""Connecting to GitHub's double as a person does it: real TLS, a browser, the key on the disk."""

from typing import Literal

import pytest

from deployhost.edge import connection as cloudflare
from deployhost.edge.connection import CloudflareConnection
from deployhost.edge.zones_plan import Zone
from deployhost.github.connection import load_all
from deployhost.github.disconnect import DisconnectGitHub, chosen
from deployhost.model import Domain, Secret
from deployhost.paths import Paths
from deployhost.steps import apply
from tests.local.github.conftest import Person

pytestmark = pytest.mark.usefixtures("github_double")
HOOK = "deployhost-0123456789.example.com"


def tunnel(paths: Paths, host: str = HOOK) -> None:
    """Have a tunnel."""
    cloudflare.save(
        paths,
        CloudflareConnection(
            server_id="0123456789", token=Secret("t" * 40), account_id="a", account_name="A",
            zones=(Zone(Domain("example.com"), "z"),), webhook_zone=Domain("example.com"), webhook_host=Domain(host), tunnel_id="i",
        ),
    )  # fmt: skip


def test_a_user(person: Person) -> None:
    tunnel(person.paths)
    person.double.repository("octo/site", {"index.html": "one"})
    done = person.connect(Person.make_and_install)
    connection = load_all(person.paths)[0]
    assert (connection.owner, connection.kind, connection.html_url) == ("octo", "user", person.double.web)
    assert connection.api_url == f"{person.double.web}/api/v3"
    assert connection.hooked
    assert connection.webhook_secret is not None
    app = person.double.app(connection.slug)
    assert app.hook["url"] == f"https://{HOOK}/webhook/{connection.id}"
    assert app.hook_secret == connection.webhook_secret.reveal()
    assert connection.key.reveal() == app.pem
    assert done.to_json()["webhook_active"] is True
    assert done.to_json()["repositories"] == "all"
    assert person.steps.ended == ["make_app", "await_installation"]
    assert connection.slug.startswith("deployhost-web1-")
    assert person.client.calls(connection).repository("octo", "site").full_name == "octo/site"
    again = person.connect()
    assert not again.changed
    assert again.notes == ()
    assert load_all(person.paths) == (connection,)
    assert [one.name for one in person.paths.connections.glob("github-new-*")] == []


def test_an_organization_and_a_user_beside_each_other(person: Person) -> None:
    person.double.account("acme", owners=("octo",))
    person.connect(Person.make_and_install, org="acme")
    person.connect(Person.make_and_install)
    assert [(one.owner, one.kind) for one in load_all(person.paths)] == [("acme", "organization"), ("octo", "user")]
    assert not person.connect(org="ACME").changed


def test_the_address_is_pasted(person: Person) -> None:
    def act(me: Person) -> None:
        browser = me.browser()
        address = me.address()
        confirm = browser.submit(browser.open(address))
        browser.offline.add(address.split("/")[2])  # its port is not forwarded back
        end = browser.submit(confirm)
        assert end.status == 0
        me.pasted.put("what is that?\n")
        me.pasted.put(end.url.replace("state=", "state=x"))
        me.pasted.put(f"  {end.url}\n")
        assert browser.install(me.install_page()).status == 200

    person.connect(act)
    assert load_all(person.paths)[0].owner == "octo"
    assert "that is not the address at which the browser ended: it has code= and state= in it" in person.told
    assert "the state in this address is not one of this server's, was used, or is too old" in person.told


def test_the_page_answers_twice_and_github_is_asked_once(person: Person) -> None:
    def act(me: Person) -> None:
        browser = me.browser()
        page = browser.create_app(me.address())
        assert page.status == 200
        assert browser.open(page.url).status in (200, 0)  # it may be closed by now
        assert browser.install(me.install_page()).status == 200

    person.connect(act)
    made = [call for call in person.double.record.calls if call.path.endswith("/conversions")]
    assert len(made) == 1


@pytest.mark.parametrize("hookless", ["missing", "empty"])  # GitHub's documentation does not say which
def test_without_a_tunnel_and_then_with_one(person: Person, hookless: Literal["missing", "empty"]) -> None:
    person.double.world.hookless = hookless
    done = person.connect(Person.make_and_install)
    connection = load_all(person.paths)[0]
    assert done.notes == (
        "without a Cloudflare connection GitHub can't tell this server of pushes: it looks for them once a minute",
    )
    app = person.double.app(connection.slug)
    assert "url" not in app.hook
    tunnel(person.paths)
    done = person.connect()
    url = f"https://{HOOK}{connection.webhook_path}"
    assert f'tick "Active" below "Webhook" at {connection.settings_page} (URL: {url})' in done.notes[0]
    assert app.hook.get("url") == (url if hookless == "empty" else None)
    app.hook = {"content_type": "form", "insecure_ssl": "0", **app.hook, "url": url}  # as the owner writes it there
    person.double.reach("*", "127.0.0.1", 1)
    person.double.tick_hook(app)
    person.double.deliveries.settle()
    done = person.connect()
    assert done.notes == ()
    connection = load_all(person.paths)[0]
    assert connection.hooked
    assert connection.webhook_secret is not None
    assert app.hook == {
        "content_type": "json",
        "insecure_ssl": "0",
        "url": url,
        "secret": connection.webhook_secret.reveal(),
    }
    assert not person.connect().changed


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://old.example.com/webhook/1"},
        {"content_type": "form"},
        {"insecure_ssl": "1"},
        {"secret": "x" * 40},
    ],
)
def test_a_hook_that_is_wrong_is_mended(person: Person, wrong: dict[str, str]) -> None:
    tunnel(person.paths)
    person.connect(Person.make_and_install)
    connection = load_all(person.paths)[0]
    app = person.double.app(connection.slug)
    right = dict(app.hook)
    app.hook.update(wrong)
    done = person.connect()
    assert app.hook == right
    assert done.changed is ("secret" not in wrong)  # GitHub does not show the secret: it is set again each time


def test_the_server_gets_another_webhook_host(person: Person) -> None:
    tunnel(person.paths)
    person.connect(Person.make_and_install)
    tunnel(person.paths, "hooks.example.com")
    person.connect()
    connection = load_all(person.paths)[0]
    assert person.double.app(connection.slug).hook["url"] == f"https://hooks.example.com{connection.webhook_path}"


def test_renamed(person: Person) -> None:
    person.connect(Person.make_and_install)
    connection = load_all(person.paths)[0]
    app = person.double.app(connection.slug)
    app.slug = "our-deploys"
    person.connect()
    after = load_all(person.paths)[0]
    assert after.slug == "our-deploys"
    assert after.install_page.endswith("/our-deploys/installations/new")


def test_disconnect(person: Person) -> None:
    person.connect(Person.make_and_install)
    connection = chosen(person.paths, "OCTO")
    work = DisconnectGitHub(person.paths, person.client, connection)
    plan = work.plan()
    assert plan.notes[-1] == f"only octo can delete the App itself: {connection.settings_page}/advanced"
    apply(plan, work.acts, person.steps)
    assert load_all(person.paths) == ()
    assert person.double.world.installations == {}


def test_disconnect_from_an_app_that_its_owner_deleted(person: Person) -> None:
    person.connect(Person.make_and_install)
    connection = chosen(person.paths, "")
    person.double.delete_app(person.double.app(connection.slug))
    work = DisconnectGitHub(person.paths, person.client, connection)
    apply(work.plan(), work.acts, person.steps)
    assert load_all(person.paths) == ()
