"""Joining a server to Cloudflare: once, again, after any crash and any refusal; there is one tunnel, and nothing foreign changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from deployhost.edge import connection
from deployhost.edge.connect import Connecting, EdgeReport, EdgeRequest
from deployhost.edge.connect_plan import rules_for
from deployhost.edge.ownership import app_comment, tunnel_name, tunnel_target
from deployhost.edge.rights import RECORDS, TUNNELS, ZONES, user_token_link
from deployhost.errors import (
    Conflict,
    ConnectionRefused,
    DeployhostError,
    InvalidRequest,
    NotFound,
    ProviderUnavailable,
)
from deployhost.model import AppName, Domain, Secret
from deployhost.paths import Paths
from deployhost.steps import Step
from tests.fakes.cloudflare import RIGHTS, TOKEN, FakeCloudflare, FakeToken
from tests.fakes.life import Crash, Life
from tests.fakes.sweep import effects

SOCKET = "run/deployhost/webhook.sock"


class Recording:
    """A recorder that keeps the words of the steps."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def started(self, step: Step) -> None:
        self.words.append(step.word)

    def done(self, step: Step, said: str) -> None:
        pass

    def failed(self, step: Step, error: Exception) -> None:
        pass


@dataclass
class World:
    """A server, and an account with zones, tunnels and records of others."""

    paths: Paths
    cloud: FakeCloudflare = field(default_factory=FakeCloudflare)

    def __post_init__(self) -> None:
        self.zone = self.cloud.zone("example.com")
        self.foreign = [
            self.cloud.record(self.zone.id, "example.com", "192.0.2.1", kind="A"),
            self.cloud.record(self.zone.id, "www.example.com", "elsewhere.example.net", comment="by hand"),
            self.cloud.record(
                self.zone.id,
                "other.example.com",
                tunnel_target("other"),
                comment=app_comment("ffffffffff", AppName("shop")),
            ),
        ]
        self.others = [self.cloud.tunnel("home"), self.cloud.tunnel("deployhost-ffffffffff")]

    def connect(self, **asked: object) -> tuple[EdgeReport, list[str]]:
        recording = Recording()
        request = replace(EdgeRequest(token=Secret(TOKEN)), **asked)  # type: ignore[arg-type]
        return Connecting(paths=self.paths, accounts=self.cloud).run(request, recording), recording.words

    def untouched(self) -> None:
        """Check that what is somebody else's is as it was."""
        records = self.cloud.records_of(self.zone.id)
        assert all(one in records for one in self.foreign)
        for one in self.others:
            assert not one.tunnel.deleted
            assert one.rules == ()

    def nothing_made(self) -> None:
        """Check that nothing was made at Cloudflare, nor written here."""
        self.untouched()
        assert len(self.cloud.all_tunnels) == len(self.others)
        assert len(self.cloud.records_of(self.zone.id)) == len(self.foreign)
        assert connection.load(self.paths) is None
        assert connection.tunnel_token(self.paths) is None

    def joined(self) -> connection.CloudflareConnection:
        """Check that the server is joined: one tunnel, one record, and the files fit them."""
        self.untouched()
        saved = connection.load(self.paths)
        assert saved is not None
        ours = [one for one in self.cloud.live_tunnels() if one.tunnel.name == tunnel_name(saved.server_id)]
        assert [one.tunnel.id for one in ours] == [saved.tunnel_id]
        assert ours[0].rules == rules_for(saved.webhook_host, str(self.paths.root / SOCKET), 80)
        assert connection.tunnel_token(self.paths) == Secret(ours[0].token)
        records = [one for one in self.cloud.records_of(self.zone.id) if one not in self.foreign]
        assert [(one.name, one.content, one.comment) for one in records] == [
            (saved.webhook_host, tunnel_target(saved.tunnel_id), f"deployhost {saved.server_id} webhook")
        ]
        assert (self.paths.state / "server-id").read_text().strip() == saved.server_id
        return saved


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(Paths(tmp_path))


def test_a_first_time_and_a_second(world: World) -> None:
    report, words = world.connect()
    saved = world.joined()
    assert words == ["KeepServerId", "CreateTunnel", "SetIngress", "SetWebhookRecord"]
    assert [step.word for step in report.plan] == words
    assert report.connection == saved
    assert saved.webhook_host == f"deployhost-{saved.server_id}.example.com"
    world.cloud.calls.clear()
    report, words = world.connect()
    assert words == []
    assert not report.plan
    assert world.joined() == saved
    assert not [call for call in world.cloud.calls if call.startswith(("create", "put", "delete", "replace"))]


def test_a_rerun_needs_no_token(world: World) -> None:
    with pytest.raises(InvalidRequest, match="needs a token") as told:
        world.connect(token=None)
    assert told.value.hint == "deployhost connect cloudflare --token FILE"
    world.connect()
    assert world.connect(token=None)[1] == []
    assert world.cloud.opened_tokens[-1] == TOKEN


def test_a_dry_run_leaves_no_trace(world: World) -> None:
    report, words = world.connect(dry_run=True)
    assert [step.word for step in report.plan] == ["KeepServerId", "CreateTunnel", "SetIngress", "SetWebhookRecord"]
    assert words == []
    world.nothing_made()
    assert not (world.paths.state / "server-id").exists()


@pytest.mark.parametrize(
    "error", [Crash, lambda name: ProviderUnavailable(f"cut off at {name}")], ids=["crash", "no answer"]
)
def test_a_crash_at_every_effect(tmp_path: Path, error: Callable[[str], BaseException]) -> None:
    """Before a call is carried out, and after it where the answer is lost: a rerun finishes, and there is one of each."""
    for number in effects():
        world = World(Paths(tmp_path / str(number)))
        life = Life(number, error)
        world.cloud.live(life)
        broke: BaseException | None = None
        try:
            world.connect()
        except (Crash, ProviderUnavailable) as caught:
            broke = caught
        world.untouched()
        if not life.broke:
            break
        assert broke is not None, life.effects[-1]
        world.cloud.live(Life())
        world.connect()
        saved = world.joined()
        assert world.connect(token=None)[1] == []
        assert world.joined() == saved
    assert number > 20, "every call was reached"


@pytest.mark.parametrize("how", ["save", "save_tunnel_token", "server_id"])
def test_a_crash_at_every_file(world: World, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    def crash(*_arguments: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(connection, how, crash)
        with pytest.raises(Crash):
            world.connect()
    world.untouched()
    world.connect()
    world.joined()
    assert world.connect()[1] == []


def calls(tmp_path: Path) -> Iterator[tuple[World, str, int]]:
    """Yield a fresh world for each call of a connection, with its name and number."""
    plain = World(Paths(tmp_path / "plain"))
    plain.connect()
    for number, name in enumerate(plain.cloud.calls, 1):
        yield World(Paths(tmp_path / str(number))), name, number


REFUSED = [
    ConnectionRefused("401"),
    ConnectionRefused("403"),
    ProviderUnavailable("429"),
    ProviderUnavailable("503"),
    ProviderUnavailable("a hang"),
]


@pytest.mark.parametrize("error", REFUSED, ids=str)
def test_each_call_refused(tmp_path: Path, error: DeployhostError) -> None:
    """A refusal of what is read changes nothing, one of what is written is told; a rerun goes on from there."""
    for world, name, number in calls(tmp_path):
        seen = 0

        def refuse(called: str, number: int = number) -> None:
            nonlocal seen
            if called.endswith(" done"):
                return
            seen += 1
            if seen == number:
                raise error

        world.cloud.fault = refuse
        with pytest.raises(type(error), match=error.message):
            world.connect()
        world.untouched()
        if not any(call.startswith("create") for call in world.cloud.calls):
            world.nothing_made()
        world.cloud.fault = lambda _name: None
        world.connect()
        world.joined()
        assert world.connect()[1] == [], name


@pytest.mark.parametrize(
    ("missing", "right"), [("zones:read", ZONES), ("tunnels:read", TUNNELS), ("records:read", RECORDS)]
)
def test_without_a_right_to_read(world: World, missing: str, right: object) -> None:
    world.cloud.tokens[TOKEN] = FakeToken(RIGHTS - {missing})
    with pytest.raises(ConnectionRefused) as told:
        world.connect()
    assert told.value.exit_code == 5
    world.nothing_made()


@pytest.mark.parametrize("missing", ["tunnels:write", "records:write"])
def test_without_a_right_to_write(world: World, missing: str) -> None:
    """It is told at the first refused write; with the right, a rerun goes on from there."""
    world.cloud.tokens[TOKEN] = FakeToken(RIGHTS - {missing})
    with pytest.raises(ConnectionRefused):
        world.connect()
    world.untouched()
    world.cloud.tokens[TOKEN] = FakeToken()
    words = world.connect()[1]
    assert ("CreateTunnel" in words) == (missing == "tunnels:write")
    world.joined()


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (FakeToken(status="expired"), "it has expired"),
        (FakeToken(status="disabled"), "it is disabled"),
        (FakeToken(status="paused"), "it is not active"),
        (FakeToken(zones=frozenset()), "lacks the right Zone · Zone · Read"),
        (None, "1000"),
    ],
)
def test_a_token_that_does_not_do(world: World, token: FakeToken | None, said: str) -> None:
    world.cloud.tokens = {} if token is None else {TOKEN: token}
    with pytest.raises(ConnectionRefused, match=said) as told:
        world.connect()
    if token is not None:
        assert any(user_token_link() in line for line in told.value.details)
    world.nothing_made()


def test_an_accounts_own_token(world: World) -> None:
    own = "cfat_0123456789abcdef"
    world.cloud.tokens = {own: FakeToken(expires_on="2027-05-01T00:00:00Z")}
    report, _ = world.connect(token=Secret(own))
    world.joined()
    assert report.notes == ("the token expires on 2027-05-01",)
    assert world.joined().expires_on == "2027-05-01T00:00:00Z"
    world.cloud.tokens[own] = FakeToken(status="expired")
    with pytest.raises(ConnectionRefused, match="it has expired"):
        world.connect(token=None)


def test_several_zones(world: World) -> None:
    world.cloud.zone("example.org")
    world.cloud.zone("pending.org", active=False)
    with pytest.raises(InvalidRequest, match="several zones") as told:
        world.connect()
    assert told.value.exit_code == 2
    assert told.value.details == ("example.com", "example.org")
    assert told.value.hint == "deployhost connect cloudflare --token FILE --zone example.com"
    world.nothing_made()
    report, _ = world.connect(choose=lambda zones: zones[0])
    assert report.connection.webhook_zone == "example.com"
    assert [zone.name for zone in report.connection.zones] == ["example.com", "example.org"]
    assert world.connect(token=None)[1] == [], "the choice is kept"


def test_another_zone_moves_the_webhooks_host(world: World) -> None:
    other = world.cloud.zone("example.org")
    world.connect(zone=Domain("example.com"))
    saved = world.joined()
    report, words = world.connect(zone=Domain("example.org"))
    assert words == ["SaveConnection", "SetIngress", "SetWebhookRecord", "DeleteRecord"]
    assert report.connection.webhook_host == f"deployhost-{saved.server_id}.example.org"
    assert len(world.cloud.records_of(world.zone.id)) == len(world.foreign)
    assert [one.name for one in world.cloud.records_of(other.id)] == [report.connection.webhook_host]
    assert world.connect()[1] == []
    world.untouched()


def test_the_webhooks_zone_is_not_changed_in_silence(world: World) -> None:
    world.cloud.zone("example.org")
    world.connect(zone=Domain("example.com"))
    world.cloud.tokens[TOKEN] = FakeToken(zones=frozenset({"example.org"}))
    with pytest.raises(ConnectionRefused, match=r"does not see the zone example\.com") as told:
        world.connect()
    assert told.value.hint == "deployhost connect cloudflare --zone example.org"
    report, words = world.connect(zone=Domain("example.org"))
    assert words == ["SaveConnection", "SetIngress", "SetWebhookRecord"]
    assert report.notes[0].startswith(f"GitHub's deliveries come to {report.connection.webhook_host} now")


def test_a_zone_that_is_not_there(world: World) -> None:
    with pytest.raises(NotFound, match=r"no zone example\.net"):
        world.connect(zone=Domain("example.net"))
    world.nothing_made()


def test_a_zone_of_another_account(world: World) -> None:
    world.connect()
    world.cloud.zone("example.org", account="another")
    assert world.connect()[1] == [], "its zones are none of ours"
    with pytest.raises(Conflict, match="in the account"):
        world.connect(zone=Domain("example.org"))
    world.joined()


def test_the_webhooks_host_of_server_yml(world: World) -> None:
    world.paths.config.mkdir(parents=True, exist_ok=True)
    world.paths.server_yml.write_text("webhook_host: hooks.example.com\n")
    world.connect()
    assert world.joined().webhook_host == "hooks.example.com"
    world.paths.server_yml.write_text("webhook_host: www.example.com\n")
    with pytest.raises(Conflict, match="has a record already") as told:
        world.connect()
    assert told.value.exit_code == 4
    world.paths.server_yml.write_text("")
    assert world.connect()[1] == ["SaveConnection", "SetIngress", "SetWebhookRecord", "DeleteRecord"]
    world.joined()
    world.paths.server_yml.write_text("webhook_host: a.b.example.com\n")
    with pytest.raises(InvalidRequest, match="only one level below"):
        world.connect()
    world.joined()


def test_the_domain_of_an_app_is_not_the_webhooks(world: World) -> None:
    world.paths.config.mkdir(parents=True)
    world.paths.apps_yml.write_text("apps:\n  shop:\n    domains: [hooks.example.com]\n")
    world.paths.server_yml.write_text("webhook_host: hooks.example.com\n")
    with pytest.raises(Conflict, match="a domain of the app shop"):
        world.connect()
    world.nothing_made()


def test_another_port_moves_the_rule(world: World) -> None:
    world.connect()
    assert world.connect(http_port=8080)[1] == ["SetIngress"]
    (tunnel,) = [one for one in world.cloud.live_tunnels() if one not in world.others]
    assert tunnel.rules[-1].service == "http://127.0.0.1:8080"


def test_a_tunnel_that_no_list_shows(world: World) -> None:
    """With granular rights a list has only what the token may see: ours is found by its id, and never made twice."""
    world.connect()
    saved = world.joined()
    world.cloud.all_tunnels[saved.tunnel_id].hidden = True
    assert world.connect()[1] == []
    connection.delete(world.paths)
    with pytest.raises(Conflict, match="the token does not see it"):
        world.connect()
    world.untouched()
    world.cloud.all_tunnels[saved.tunnel_id].hidden = False
    world.connect()
    assert world.joined().tunnel_id == saved.tunnel_id


def test_a_tunnel_that_was_deleted_is_made_again(world: World) -> None:
    world.connect()
    saved = world.joined()
    gone = world.cloud.all_tunnels[saved.tunnel_id]
    gone.tunnel = replace(gone.tunnel, deleted=True)
    assert world.connect()[1] == ["CreateTunnel", "SetIngress", "SetWebhookRecord"]
    again = world.joined()
    assert again.tunnel_id != saved.tunnel_id
    assert again.server_id == saved.server_id


def test_what_was_lost_here_is_found_again(world: World) -> None:
    world.connect()
    saved = world.joined()
    connection.delete(world.paths)
    assert world.connect()[1] == ["SaveConnection", "SaveTunnelToken"]
    assert world.joined() == saved
    (world.paths.state / "server-id").unlink()
    assert world.connect()[1] == ["KeepServerId"]
    assert world.joined() == saved


def test_a_rotated_token_of_the_tunnel_is_fetched(world: World) -> None:
    world.connect()
    world.cloud.all_tunnels[world.joined().tunnel_id].token = "rotated"
    assert world.connect()[1] == ["SaveTunnelToken"]
    world.joined()


def test_another_token_is_kept_once_it_does(world: World) -> None:
    world.connect()
    world.cloud.tokens["another-token"] = FakeToken()
    world.cloud.tokens["bad-token"] = FakeToken(status="expired")
    with pytest.raises(ConnectionRefused):
        world.connect(token=Secret("bad-token"))
    assert world.joined().token == Secret(TOKEN)
    assert world.connect(token=Secret("another-token"))[1] == ["SaveConnection"]
    assert world.joined().token == Secret("another-token")


def test_not_while_it_is_being_disconnected(world: World) -> None:
    world.connect()
    connection.set_aside(world.paths)
    with pytest.raises(Conflict, match="being disconnected"):
        world.connect()
