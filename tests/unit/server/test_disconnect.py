"""Taking a server off Cloudflare: all of ours goes, nothing of others, and a run that was killed is finished by the next."""

import contextlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from deployhost.edge import connection
from deployhost.edge.connect import Connecting, EdgeRequest
from deployhost.edge.ownership import app_comment, tunnel_target
from deployhost.edge.zones_plan import Zone
from deployhost.errors import ConnectionRefused, DeployhostError, ProviderUnavailable
from deployhost.model import AppName, Secret
from deployhost.paths import Paths
from deployhost.server.disconnect import Disconnecting
from deployhost.server.facts import install_record
from deployhost.server.facts_tunnel import TUNNEL, TunnelSetupFiles
from deployhost.steps import Plan
from deployhost.system import json_file, packages
from deployhost.system.process import Completed
from tests.fakes.assembled import wait_until
from tests.fakes.cloudflare import TOKEN, FakeToken
from tests.fakes.life import Crash, Life
from tests.fakes.services import FakeServices
from tests.fakes.sweep import effects
from tests.unit.edge.test_connect import Recording, World


class Joined:
    """A server that is joined, with records of two apps in two zones, and the service."""

    def __init__(self, root: Path) -> None:
        self.world = World(Paths(root))
        self.cloud, self.paths = self.world.cloud, self.world.paths
        self.other = self.cloud.zone("example.org")
        work = Connecting(paths=self.paths, accounts=self.cloud)
        self.saved = work.run(EdgeRequest(token=Secret(TOKEN), zone=self.world.zone.name), Recording()).connection
        target = tunnel_target(self.saved.tunnel_id)
        for zone, name, app in (
            (self.world.zone.id, "shop.example.com", "shop"),
            (self.other.id, "example.org", "blog"),
        ):
            self.cloud.record(zone, name, target, comment=app_comment(self.saved.server_id, AppName(app)))
        self.moved = self.cloud.record(
            self.other.id,
            "moved.example.org",
            "elsewhere.net",
            comment=app_comment(self.saved.server_id, AppName("shop")),
        )
        self.bare = self.cloud.record(self.other.id, "bare.example.org", target)
        self.services = FakeServices()
        self.services.define(TUNNEL, "the service")
        self.services.start(TUNNEL)
        places = TunnelSetupFiles(self.paths)
        for path, text in places.texts("key").items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            packages.note_file(install_record(self.paths), path)

    def disconnect(self) -> tuple[Plan, list[str]]:
        recording = Recording()
        return self.work().run(recording), recording.words

    def work(self) -> Disconnecting:
        return Disconnecting(paths=self.paths, services=self.services, accounts=self.cloud, log=lambda _line: None)

    def gone(self) -> None:
        """Check that nothing of ours is left, and what is not ours stays."""
        self.world.untouched()
        assert [one.tunnel.id for one in self.cloud.live_tunnels()] == [one.tunnel.id for one in self.world.others]
        assert self.cloud.records_of(self.world.zone.id) == self.world.foreign
        assert self.cloud.records_of(self.other.id) == [self.moved, self.bare]
        self.gone_here()

    def gone_here(self) -> None:
        assert connection.load(self.paths) is None
        assert connection.leaving(self.paths) is None
        assert connection.tunnel_token(self.paths) is None
        assert self.services.definitions == {}
        assert not TunnelSetupFiles(self.paths).source.exists()
        assert not TunnelSetupFiles(self.paths).key.exists()
        assert connection.known_server_id(self.paths) == self.saved.server_id, "it is never made again"


@pytest.fixture
def joined(tmp_path: Path) -> Joined:
    return Joined(tmp_path)


def test_all_of_ours_goes(joined: Joined) -> None:
    plan, words = joined.disconnect()
    assert words == [
        "SetConnectionAside",
        *["DeleteRecord"] * 3,
        "RemoveService",
        "DeleteTunnel",
        "RemoveFiles",
        "ForgetConnection",
    ]
    assert [step.word for step in plan] == words
    assert "kept, because they lead elsewhere: the records moved.example.org" in plan.notes
    joined.gone()
    assert joined.disconnect() == (Plan(), [])


def test_a_dry_run(joined: Joined) -> None:
    calls = len(joined.cloud.calls)
    assert joined.work().plan(Recording(), dry_run=True)
    assert connection.load(joined.paths) == joined.saved
    assert not [call for call in joined.cloud.calls[calls:] if call.startswith("delete")]


def test_a_crash_at_every_effect(tmp_path: Path) -> None:
    number = 0
    for number in effects():
        joined = Joined(tmp_path / str(number))
        life = Life(number)
        joined.cloud.live(life)
        with contextlib.suppress(Crash):
            joined.disconnect()
        if not life.broke:
            break
        joined.world.untouched()
        joined.cloud.live(Life())
        joined.disconnect()
        joined.gone()
    assert number > 15, "every call was reached"


@pytest.mark.parametrize("error", [ProviderUnavailable("429"), ProviderUnavailable("a hang")], ids=str)
def test_each_call_unanswered(tmp_path: Path, error: DeployhostError) -> None:
    names = Joined(tmp_path / "plain")
    before = len(names.cloud.calls)
    names.disconnect()
    for number in range(1, len(names.cloud.calls) - before + 1):
        joined = Joined(tmp_path / str(number))
        seen = 0

        def refuse(called: str, number: int = number) -> None:
            nonlocal seen
            seen += not called.endswith(" done")
            if seen == number and not called.endswith(" done"):
                raise error

        joined.cloud.fault = refuse
        with pytest.raises(ProviderUnavailable):
            joined.disconnect()
        joined.cloud.fault = lambda _name: None
        joined.disconnect()
        joined.gone()


def test_a_token_that_is_refused(joined: Joined) -> None:
    """What is here goes all the same, and what only its owner can delete is named."""
    joined.cloud.tokens = {}
    plan, words = joined.disconnect()
    assert words == ["SetConnectionAside", "RemoveService", "RemoveFiles", "ForgetConnection"]
    notes = "\n".join(plan.notes)
    assert f"the tunnel deployhost-{joined.saved.server_id}" in notes
    assert "example.com, example.org" in notes
    assert tunnel_target(joined.saved.tunnel_id) in notes
    joined.gone_here()


def test_a_zone_that_was_taken_off_the_account(joined: Joined) -> None:
    """Cloudflare answers for it as if the token had no right; the token is as good as before for all else."""
    joined.cloud.tokens[TOKEN] = FakeToken(zones=frozenset({"example.com"}))
    plan, _words = joined.disconnect()
    assert [one.tunnel.id for one in joined.cloud.live_tunnels()] == [one.tunnel.id for one in joined.world.others]
    assert joined.cloud.records_of(joined.world.zone.id) == joined.world.foreign
    assert [note for note in plan.notes if "does not see example.org any more" in note]
    assert not [note for note in plan.notes if "refuses the token" in note]
    joined.gone_here()


def test_what_fails_names_this_command(joined: Joined) -> None:
    error = ProviderUnavailable("Cloudflare can't be reached", hint="deployhost connect cloudflare")

    def fail(_called: str) -> None:
        raise error

    joined.cloud.fault = fail
    with pytest.raises(ProviderUnavailable) as failed:
        joined.disconnect()
    assert failed.value.hint == "deployhost disconnect cloudflare"


def test_without_a_right_to_write(joined: Joined) -> None:
    joined.cloud.tokens[TOKEN] = FakeToken(FakeToken().rights - {"records:write"})
    with pytest.raises(ConnectionRefused):
        joined.disconnect()
    assert connection.load(joined.paths) is None, "nobody makes records any more"
    joined.cloud.tokens[TOKEN] = FakeToken()
    joined.disconnect()
    joined.gone()


def test_a_record_that_the_daemon_makes_meanwhile(joined: Joined) -> None:
    """It may have been at one when the connection was set aside."""
    made = False

    def late(name: str) -> None:
        nonlocal made
        if name == "delete_tunnel" and not made:
            made = True
            comment = app_comment(joined.saved.server_id, AppName("late"))
            joined.cloud.record(
                joined.other.id, "late.example.org", tunnel_target(joined.saved.tunnel_id), comment=comment
            )

    joined.cloud.fault = late
    joined.disconnect()
    assert made
    joined.gone()


def test_a_zone_that_the_daemon_finds_meanwhile(joined: Joined) -> None:
    """Just before the connection is set aside: its records are known then, and go too."""
    new = joined.cloud.zone("late.example")
    done = False

    def find(name: str) -> None:
        nonlocal done
        if name == "records" and not done:
            done = True
            zones = (*joined.saved.zones, Zone(new.name, new.id))
            assert connection.refresh(joined.paths, joined.saved, replace(joined.saved, zones=zones))
            comment = app_comment(joined.saved.server_id, AppName("late"))
            joined.cloud.record(new.id, "late.example", tunnel_target(joined.saved.tunnel_id), comment=comment)

    joined.cloud.fault = find
    joined.disconnect()
    assert done
    joined.gone()
    assert joined.cloud.records_of(new.id) == []


def test_what_the_daemon_is_at_is_waited_for(joined: Joined) -> None:
    """However long its record takes: once the connection is set aside, nobody makes another one."""
    begun, waited = threading.Event(), threading.Event()

    def daemon() -> None:
        with connection.in_use(joined.paths):
            begun.set()
            assert waited.wait(10)
            comment = app_comment(joined.saved.server_id, AppName("late"))
            target = tunnel_target(joined.saved.tunnel_id)
            joined.cloud.record(joined.other.id, "late.example.org", target, comment=comment)

    work = threading.Thread(target=daemon)
    work.start()
    assert begun.wait(10)
    person = threading.Thread(target=joined.disconnect)
    person.start()
    wait_until(lambda: connection.load(joined.paths) is None)
    assert not any(call.startswith("delete") for call in joined.cloud.calls)
    waited.set()
    work.join(10)
    person.join(10)
    joined.gone()


def test_cloudflared_goes_if_set_up_installed_it(joined: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(argv: list[str], **_: object) -> Completed:
        asked.append(argv)
        return Completed(0, "cloudflared installed\n" if argv[0] == "dpkg-query" else "", "")

    monkeypatch.setattr("deployhost.system.process.run", run)
    record = json_file.read_json(install_record(joined.paths))
    json_file.write_json(install_record(joined.paths), {**record, "packages": ["cloudflared", "docker.io"]})
    _, words = joined.disconnect()
    assert words.index("RemoveService") < words.index("UninstallPackages")
    assert [argv[-1] for argv in asked if argv[0] == "apt-get"] == ["cloudflared"]
    assert packages.read_record(install_record(joined.paths)).packages == ("docker.io",)
    joined.gone()


def test_a_tunnel_that_is_gone_already(joined: Joined) -> None:
    tunnel = joined.cloud.all_tunnels[joined.saved.tunnel_id]
    tunnel.tunnel = replace(tunnel.tunnel, deleted=True)
    assert "DeleteTunnel" not in joined.disconnect()[1]
    joined.gone()
