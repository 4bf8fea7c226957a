"""Every fault at every call that connecting makes, over real TLS; then a rerun without one."""

from collections.abc import Callable

import pytest

from deployhost.errors import (
    AccessRefused,
    ClockOff,
    DeployhostError,
    NotFound,
    ProviderRefused,
    ProviderUnavailable,
)
from deployhost.github import http
from deployhost.github.connection import load_all
from tests.doubles.serve import Fault
from tests.local.github.conftest import Person
from tests.local.github.test_connect import tunnel

FAULTS: dict[str, tuple[Callable[[str, str], Fault], type[DeployhostError]]] = {
    "401": (lambda method, path: Fault(method, path, status=401), AccessRefused),
    "403": (lambda method, path: Fault(method, path, status=403), AccessRefused),
    "404": (lambda method, path: Fault(method, path, status=404), NotFound),
    "422": (lambda method, path: Fault(method, path, status=422), ProviderRefused),
    "429": (lambda method, path: Fault(method, path, status=429, retry_after=2), ProviderUnavailable),
    "500": (lambda method, path: Fault(method, path, status=500), ProviderUnavailable),
    "dropped": (lambda method, path: Fault(method, path, drop=True), ProviderUnavailable),
    "done and dropped": (lambda method, path: Fault(method, path, drop=True, done=True), ProviderUnavailable),
    "hangs": (lambda method, path: Fault(method, path, hang=True), ProviderUnavailable),
}
CALLS = {
    "app": ("GET", "/api/v3/app"),
    "installations": ("GET", "/api/v3/app/installations"),
    "hook": ("GET", "/api/v3/app/hook/config"),
    "set hook": ("PATCH", "/api/v3/app/hook/config"),
}


@pytest.fixture
def connected(person: Person, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Return somebody who is connected, and whose hook leads elsewhere."""
    monkeypatch.setattr(http, "TIMEOUT", 0.5)
    tunnel(person.paths)
    person.connect(Person.make_and_install)
    person.double.app(load_all(person.paths)[0].slug).hook["url"] = "https://elsewhere.example.com"
    return person


def test_every_fault_at_every_call(connected: Person) -> None:
    """All with one App: to make one takes a second."""
    app = connected.double.app(load_all(connected.paths)[0].slug)
    right = f"https://deployhost-0123456789.example.com{load_all(connected.paths)[0].webhook_path}"
    for call, (method, path) in CALLS.items():
        for name, (fault, kind) in FAULTS.items():
            if (call, name) in {("hook", "404"), ("set hook", "404")}:  # an App without a hook
                continue
            app.hook["url"] = "https://elsewhere.example.com"
            connected.double.record.fail(fault(method, path))
            with pytest.raises(kind) as raised:
                connected.connect()
            assert load_all(connected.paths)[0].key.reveal() not in str(raised.value.to_json()), (call, name)
            connected.double.record.mend()
            assert connected.connect().facts.webhook_url == right, (call, name)
            assert app.hook["url"] == right, (call, name)
    assert len(connected.double.world.apps) == 1
    assert len(connected.double.world.installations) == 1


@pytest.mark.parametrize(
    "fault",
    [Fault("POST", ".*/conversions", status=502), Fault("POST", ".*/conversions", status=429, retry_after=1),
     Fault("POST", ".*/conversions", drop=True), Fault("POST", ".*/conversions", hang=True)],
    ids=["502", "429", "dropped", "hangs"],
)  # fmt: skip
def test_a_key_that_does_not_come_at_once(person: Person, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    monkeypatch.setattr(http, "TIMEOUT", 0.5)
    person.double.record.fail(fault)

    def act(me: Person) -> None:
        browser = me.browser()
        page = browser.create_app(me.address())
        assert page.status == 502
        assert "Reload this page to try again" in page.text
        assert browser.open(page.url).status == 200
        assert browser.install(me.install_page()).status == 200

    person.connect(act)
    assert load_all(person.paths)[0].installation_id is not None
    assert len(person.double.world.apps) == 1


def test_a_key_that_was_given_out_and_got_lost(person: Person) -> None:
    """GitHub gives it once. The person is told to delete that App, and makes another with the same page."""
    person.double.record.fail(Fault("POST", ".*/conversions", drop=True, done=True))

    def act(me: Person) -> None:
        browser, address = me.browser(), me.address()
        page = browser.create_app(address)
        assert page.status == 502
        page = browser.open(page.url)
        assert "does not accept the code" in page.text
        assert f"delete it at {me.double.web}/settings/apps" in page.text
        assert browser.create_app(address).status == 200
        assert browser.install(me.install_page()).status == 200

    person.connect(act)
    assert len(load_all(person.paths)) == 1


@pytest.mark.parametrize("ahead", [-600.0, 600.0])
def test_a_clock_that_is_off(person: Person, ahead: float) -> None:
    person.connect(Person.make_and_install)
    person.double.clock.ahead = ahead
    with pytest.raises(ClockOff, match=r"clock is .*GitHub's") as raised:
        person.connect()
    assert raised.value.hint == "timedatectl set-ntp true"
    person.double.clock.ahead = 0.0
    person.connect()


def test_a_server_that_is_not_trusted(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.connect(Person.make_and_install)
    person.client.close()
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ProviderUnavailable, match="its certificate is not trusted"):
        person.connect()
    person.client.close()
