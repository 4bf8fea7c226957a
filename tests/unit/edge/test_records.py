"""When the records are seen to, what refuses a domain, and that whatever breaks leaves one record each and nothing foreign changed."""

import threading
from collections.abc import Callable

import pytest

from deployhost.edge import connection, records
from deployhost.edge.records_state import Standing
from deployhost.errors import (
    Conflict,
    ConnectionRefused,
    DeployhostError,
    InvalidRequest,
    ProviderRefused,
    ProviderUnavailable,
)
from deployhost.model import AppName, Domain
from tests.fakes.assembled import Assembled, Server
from tests.fakes.joined import WEBHOOK, Joined
from tests.fakes.life import Crash, Life
from tests.fakes.sweep import effects

SHOP = AppName("shop")
A, B, C = (Domain(f"{letter}.example.com") for letter in "abc")


@pytest.fixture
def joined(server: Server) -> Joined:
    return Joined(server)


def standings(daemon: Assembled, *domains: Domain) -> list[Standing]:
    return [one.standing for one in daemon.records.states(SHOP, domains)]


def late() -> DeployhostError:
    return ProviderUnavailable("Cloudflare did not answer in time")


def fail(joined: Joined, *calls: str, error: Callable[[], BaseException] = late) -> None:
    def fault(name: str) -> None:
        if name in calls:
            raise error()

    joined.cloud.fault = fault


def well(joined: Joined) -> None:
    joined.cloud.fault = lambda _name: None


def test_without_a_connection_nothing_is_asked(server: Server) -> None:
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.follow()
    daemon.records.check()
    daemon.records.settle([A])
    assert daemon.records.admit(SHOP, [A, WEBHOOK]) is None
    assert (server.cloudflare.calls, server.cloudflare.opened_tokens) == ([], [])
    assert daemon.records.public(SHOP, [A]) == []
    assert (daemon.records.findings(), daemon.records.undeleted([A])) == ((), [])


def test_an_idle_minute_asks_nothing(server: Server, joined: Joined) -> None:
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.follow()
    assert joined.calls() == ["records", "records", "create_record"]
    assert joined.leads(A)
    assert standings(daemon, A) == [Standing.PRESENT]
    for _ in range(int(records.FULL * (1 - records.JITTER)) // 60):
        daemon.records.follow()
        daemon.clock.sleep(60)
    assert joined.calls() == []
    server.add("blog", text="memory: 1g")
    daemon.records.follow()
    assert joined.calls() == [], "that is no domain"
    daemon.clock.sleep(records.FULL * records.JITTER + 60)
    daemon.records.follow()
    assert joined.calls() == ["records"], "each hour all of it is looked at"
    assert daemon.records.findings() == ()


def test_what_is_changed_by_hand_counts_at_the_next_look(server: Server, joined: Joined) -> None:
    server.add("shop", text=f"domains: [{A}, {B}]")
    daemon = server.start()
    daemon.records.follow()
    server.paths.apps_yml.write_text(f"apps:\n  shop:\n    domains: [{B}, {C}]\n")
    daemon.records.follow()
    assert joined.at(A) == []
    assert joined.leads(B)
    assert joined.leads(C)
    joined.cloud.all_records[joined.zone.id].clear()
    daemon.records.follow()
    assert joined.at(B) == [], "it is not looked for what somebody does there"
    daemon.records.check()
    assert joined.leads(B)


def test_an_apex_and_a_zone_within_a_zone(server: Server) -> None:
    joined = Joined(server, "sub.example.com", "unused.example")
    server.add("shop", text="domains: [example.com, x.sub.example.com, elsewhere.example.org]")
    daemon = server.start()
    daemon.records.follow()
    assert joined.leads("example.com")
    assert [one.name for one in joined.cloud.records_of(joined.others[0].id)] == ["x.sub.example.com"]
    assert joined.at("elsewhere.example.org") == []
    assert daemon.records.public(SHOP, daemon.apps.get(SHOP).domains) == ["example.com", "x.sub.example.com"]


def test_cloudflare_does_not_answer(server: Server, joined: Joined) -> None:
    """It is asked again each minute, and never by two calls of which the first may have done it."""
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    fail(joined, "create_record done")
    daemon.records.follow()
    [found] = daemon.records.findings()
    assert (found.what, found.why) == (
        "a.example.com has no DNS record yet",
        "Cloudflare did not answer in time; deployhost tries again each minute",
    )
    assert daemon.records.public(SHOP, [A]) == [A], "it is wanted all the same"
    joined.calls()
    daemon.clock.sleep(records.RETRY * (1 - records.JITTER) - 1)
    daemon.records.follow()
    assert joined.calls() == []
    daemon.clock.sleep(records.RETRY * records.JITTER + 1)
    daemon.records.follow()
    assert (joined.calls(), daemon.records.findings()) == (["records"], ())
    assert joined.leads(A)


def test_a_look_that_fails_says_so_and_forgets_nothing(server: Server, joined: Joined) -> None:
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.follow()
    fail(joined, "records", error=lambda: ConnectionRefused("Cloudflare refuses the token", hint="x"))
    daemon.clock.sleep(records.FULL)
    daemon.records.follow()
    assert standings(daemon, A) == [Standing.PRESENT]
    assert [(one.what, one.why, one.fix) for one in daemon.records.findings()] == [
        ("the DNS records in example.com can't be checked", "Cloudflare refuses the token", "x")
    ]
    server.paths.apps_yml.write_text(f"apps:\n  shop:\n    domains: [{A}, {B}]\n")
    daemon.records.follow()
    assert standings(daemon, A, B) == [Standing.PRESENT, Standing.WAITING]
    well(joined)
    daemon.clock.sleep(records.RETRY)
    daemon.records.follow()
    assert standings(daemon, A, B) == [Standing.PRESENT] * 2
    assert daemon.records.findings() == ()


def test_who_does_not_answer_is_not_asked_about_the_other_zones(server: Server) -> None:
    joined = Joined(server, "b.example", "c.example")
    server.add("shop", text=f"domains: [{A}, b.example, c.example]")
    daemon = server.start()
    fail(joined, "records")
    daemon.records.follow()
    assert joined.calls() == ["records"]
    assert standings(daemon, A, Domain("b.example"), Domain("c.example")) == [Standing.WAITING] * 3
    fail(joined, "records", error=lambda: ConnectionRefused("no right in that zone"))
    daemon.clock.sleep(records.RETRY)
    daemon.records.follow()
    assert joined.calls() == ["records"] * 3, "a right may be missing in one zone alone"
    well(joined)
    daemon.clock.sleep(records.RETRY)
    daemon.records.follow()
    assert standings(daemon, A, Domain("b.example"), Domain("c.example")) == [Standing.PRESENT] * 3


def test_admission(server: Server, joined: Joined) -> None:
    server.add("shop")
    daemon = server.start()
    joined.foreign(A)
    joined.ours(B)
    for replace in (False, True):
        with pytest.raises(InvalidRequest):
            daemon.records.admit(SHOP, [Domain("a.b.example.com")], replace=replace)
        with pytest.raises(Conflict):
            daemon.records.admit(SHOP, [WEBHOOK], replace=replace)
    assert joined.calls() == [], "that is known"
    with pytest.raises(Conflict) as refused:
        daemon.records.admit(SHOP, [B, A, Domain("elsewhere.example.org")])
    assert refused.value.hint == "deployhost domains add shop a.example.com --replace"
    with pytest.raises(Conflict) as refused:
        daemon.records.admit(SHOP, [A], hint="another")
    assert refused.value.hint == "another"
    assert daemon.records.admit(SHOP, [A], replace=True) is None
    assert daemon.records.admit(SHOP, [B, C]) is None
    assert joined.changes() == []
    for error in (late, lambda: ConnectionRefused("x"), lambda: ProviderRefused("x")):
        fail(joined, "records", error=error)
        assert type(daemon.records.admit(SHOP, [A])) is type(error())


def test_what_is_refused_by_hand_is_told_and_looked_at_again(server: Server, joined: Joined) -> None:
    theirs = joined.foreign(A)
    server.add("shop", text=f"domains: [{A}, {B}, a.b.example.com, {WEBHOOK}]")
    daemon = server.start()
    daemon.records.follow()
    assert joined.leads(B)
    assert [one.fix for one in daemon.records.findings()] == [
        "deployhost domains add shop a.example.com --replace",
        "deployhost domains remove shop a.b.example.com",
        f"deployhost domains remove shop {WEBHOOK}",
    ]
    assert daemon.records.public(SHOP, daemon.apps.get(SHOP).domains) == [B]
    del joined.cloud.all_records[joined.zone.id][theirs.id]
    daemon.clock.sleep(records.REFUSED)
    daemon.records.follow()
    assert joined.leads(A)


def test_what_was_given_up_is_replaced_as_soon_as_that_is_possible(server: Server, joined: Joined) -> None:
    joined.foreign(A)
    joined.foreign(A, "203.0.113.8")
    joined.foreign(A, "mail.example.com", kind="MX")
    joined.foreign(B)
    server.add("shop", text=f"domains: [{A}, {B}]")
    daemon = server.start()
    daemon.records.settle([A], replace=True, problem=late())
    assert joined.changes() == []
    assert standings(daemon, A) == [Standing.WAITING]
    fail(joined, "replace_records")
    daemon.clock.sleep(records.RETRY)
    daemon.records.follow()
    assert standings(daemon, A, B) == [Standing.WAITING, Standing.REFUSED]
    well(joined)
    daemon.clock.sleep(records.RETRY)
    daemon.records.follow()
    assert [kind for kind, _, _ in joined.at(A)] == ["MX", "CNAME"]
    assert standings(daemon, A, B) == [Standing.PRESENT, Standing.REFUSED]


def test_what_was_given_up_outlives_the_daemon(server: Server, joined: Joined) -> None:
    """Until it is carried out, or the domain is not that app's any more."""
    for domain in (A, B, C):
        joined.foreign(domain)
    server.add("shop", text=f"domains: [{A}, {B}, {C}]")
    server.add("blog")
    daemon = server.start()
    fail(joined, "records", "replace_records")
    daemon.records.settle([A, B], replace=True)
    server.paths.apps_yml.write_text(f"apps:\n  shop:\n    domains: [{A}, {C}]\n  blog:\n    domains: [{B}]\n")
    daemon = server.start()
    daemon.records.follow()
    well(joined)
    daemon = server.start()
    daemon.records.follow()
    assert joined.leads(A)
    assert standings(daemon, A, C) == [Standing.PRESENT, Standing.REFUSED]
    assert [kind for kind, _, _ in joined.at(B)] == ["A"]
    joined.cloud.all_records[joined.zone.id].clear()
    joined.foreign(A)
    daemon = server.start()
    daemon.records.follow()
    assert standings(daemon, A) == [Standing.REFUSED], "a record that somebody puts there later is another matter"


def test_what_was_given_up_while_its_entry_has_a_mistake(server: Server, joined: Joined) -> None:
    joined.foreign(A)
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.settle([A], replace=True, problem=late())
    server.paths.apps_yml.write_text(f"apps:\n  shop:\n    domains: [{A}]\n    nonsense: 1\n")
    daemon.records.follow()
    server.paths.apps_yml.write_text(f"apps:\n  shop:\n    domains: [{A}]\n")
    daemon = server.start()
    daemon.records.follow()
    assert joined.leads(A)


def test_what_was_given_up_in_another_account_is_not_given_up_here(server: Server, joined: Joined) -> None:
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.settle([A], replace=True, problem=late())
    joined.zone = joined.cloud.zone()  # another one of that name
    theirs = joined.foreign(A)
    joined.write()
    daemon.records.follow()
    assert joined.cloud.records_of(joined.zone.id) == [theirs]


def test_what_was_given_up_once_is_not_given_up_for_ever(server: Server, joined: Joined) -> None:
    joined.foreign(A)
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.settle([A], replace=True, problem=late())
    server.paths.apps_yml.write_text("apps:\n  shop:\n")
    daemon.records.follow()
    server.paths.apps_yml.write_text(f"apps:\n  shop:\n    domains: [{A}]\n")
    daemon.records.follow()
    assert standings(daemon, A) == [Standing.REFUSED]
    daemon.records.settle([A], replace=True)
    assert joined.leads(A)
    joined.cloud.all_records[joined.zone.id].clear()
    joined.foreign(A)
    daemon.records.check()
    assert standings(daemon, A) == [Standing.REFUSED], "a record that somebody puts there later is another matter"


def test_what_was_given_up_in_one_zone_is_over_where_another_fails(server: Server) -> None:
    joined = Joined(server, "b.example")
    joined.foreign(A)
    other = joined.cloud.record(joined.others[0].id, "b.example", "203.0.113.7", kind="A")
    server.add("shop", text=f"domains: [{A}, b.example]")
    daemon = server.start()
    asked = iter(["", "", "", "late"])

    def fault(name: str) -> None:
        if name == "records" and next(asked, ""):
            raise late()

    joined.cloud.fault = fault
    daemon.records.settle([A, Domain("b.example")], replace=True)
    assert joined.leads(A)
    assert joined.cloud.records_of(joined.others[0].id) == [other]
    joined.cloud.all_records[joined.zone.id].clear()
    joined.foreign(A)
    daemon.clock.sleep(records.RETRY)
    daemon.records.check()
    assert standings(daemon, A) == [Standing.REFUSED]
    assert joined.leads("b.example")


BROKEN = [
    ("apps: [", "as a whole"),
    ("apps:\n  shop:\n    nonsense: 1\n", "its entry"),
    ("apps:\n  other:\n", "lost"),
    (None, "missing"),
]


@pytest.mark.parametrize(("text", "how"), BROKEN)
def test_no_record_is_deleted_of_whom_nobody_can_tell(
    server: Server, joined: Joined, text: str | None, how: str
) -> None:
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.follow()
    (server.paths.repo(SHOP)).mkdir(parents=True)
    if text is None:
        server.paths.apps_yml.unlink()
    else:
        server.paths.apps_yml.write_text(text)
    for _ in range(3):
        daemon.records.follow()
        daemon.records.check()
        daemon.records.settle([A])
        daemon.clock.sleep(2 * records.FULL)
    assert joined.leads(A), how


def test_a_domain_that_moves_to_an_app_whose_entry_has_a_mistake(server: Server, joined: Joined) -> None:
    """Nobody can tell whether it wants the domain, so that its record stays; once the mistake is mended it is that app's."""
    server.add("shop", text=f"domains: [{A}, {B}]")
    daemon = server.start()
    daemon.records.follow()
    broken = f"apps:\n  shop:\n  blog:\n    domains: [{A.upper()}]\n    nonsense: 1\n"
    server.paths.apps_yml.write_text(broken)
    daemon.records.follow()
    assert joined.leads(A)
    assert joined.at(B) == []
    server.paths.apps_yml.write_text(broken.replace("    nonsense: 1\n", "").lower())
    daemon.records.follow()
    assert joined.leads(A, "blog")
    server.paths.apps_yml.write_text("apps:\n  shop:\n  blog:\n")
    daemon.records.follow()
    assert joined.at(A) == []


def test_an_app_of_which_nothing_is_left_wants_nothing(server: Server, joined: Joined) -> None:
    joined.ours(A, app="gone")
    server.add("shop")
    server.start().records.follow()
    assert joined.at(A) == []


def test_a_domain_that_moves_to_another_app(server: Server, joined: Joined) -> None:
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.follow()
    server.paths.apps_yml.write_text(f"apps:\n  shop:\n  blog:\n    domains: [{A}]\n")
    joined.calls()
    daemon.records.follow()
    assert joined.leads(A, "blog")
    assert joined.changes() == ["replace_records"]


def test_another_tunnel(server: Server, joined: Joined) -> None:
    """As after the old one was deleted: records of ours lead to the new one."""
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.follow()
    joined.tunnel_id, joined.target = "tunnel-2", "tunnel-2.cfargotunnel.com"
    joined.write()
    daemon.records.follow()
    assert joined.leads(A)


def test_a_connection_that_ends(server: Server, joined: Joined) -> None:
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.follow()
    connection.delete(server.paths)
    joined.calls()
    daemon.records.follow()
    assert daemon.records.owned(daemon.apps.get(SHOP)) == []
    assert standings(daemon, A) == [Standing.ELSEWHERE]
    assert joined.calls() == []


def test_what_an_app_owns(server: Server, joined: Joined) -> None:
    joined.foreign(C)
    server.add("shop", text=f"domains: [{A}, {C}]")
    daemon = server.start()
    assert daemon.records.owned(daemon.apps.get(SHOP)) == [A, C], "that is not known yet"
    daemon.records.follow()
    assert daemon.records.owned(daemon.apps.get(SHOP)) == [A]
    server.paths.apps_yml.write_text("apps:\n  shop:\n")
    assert daemon.records.owned(daemon.apps.get(SHOP)) == [A], "until it is deleted"


def test_what_can_not_be_deleted_is_told(server: Server, joined: Joined) -> None:
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.follow()
    server.paths.apps_yml.write_text("apps:\n  shop:\n")
    fail(joined, "delete_record", error=lambda: ConnectionRefused("the token lacks a right"))
    daemon.records.settle([A])
    [note] = daemon.records.undeleted([A, B])
    assert note == "the DNS record of a.example.com is deleted as soon as Cloudflare allows it: the token lacks a right"
    assert len(daemon.records.findings()) == 1
    well(joined)
    daemon.clock.sleep(records.RETRY)
    daemon.records.follow()
    assert (joined.at(A), daemon.records.undeleted([A]), daemon.records.findings()) == ([], [], ())


def test_a_new_daemon_deletes_what_the_old_one_could_not_even_look_at(server: Server, joined: Joined) -> None:
    joined.ours(A)
    server.add("shop")
    daemon = server.start()
    fail(joined, "records")
    daemon.records.settle([A])
    assert len(daemon.records.undeleted([A])) == 1
    well(joined)
    daemon.clock.sleep(records.RETRY)
    daemon.records.follow()
    assert joined.at(A) == []


def test_two_at_once(server: Server, joined: Joined) -> None:
    """They take turns; a command that does not get its turn says so, and the job comes back to it."""
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    daemon.records.patience = 0.01
    begun, go_on = threading.Event(), threading.Event()

    def fault(name: str) -> None:
        if name == "create_record":
            begun.set()
            assert go_on.wait(10)

    joined.cloud.fault = fault
    job = threading.Thread(target=daemon.records.follow)
    job.start()
    assert begun.wait(10)
    problem = daemon.records.admit(SHOP, [B])
    assert isinstance(problem, ProviderUnavailable)
    daemon.records.settle([A])
    go_on.set()
    job.join(10)
    assert joined.changes() == ["create_record"]
    assert joined.leads(A)
    assert standings(daemon, A) == [Standing.PRESENT]
    daemon.records.patience = 10
    daemons = [threading.Thread(target=daemon.records.check) for _ in range(4)]
    for one in daemons:
        one.start()
    for one in daemons:
        one.join(10)
    assert joined.changes() == []


TEXT = """\
apps:
  shop:
    domains: [new.example.com, moved.example.com, earlier.example.com, taken.example.com, given.example.com]
  broken:
    domains: [kept.example.com]
    nonsense: 1
"""


class Sweep:
    """A server with all that may be in a zone; `begin` is what a person and the daemon do, `check` the invariant after that."""

    def __init__(self, server: Server) -> None:
        self.server, self.joined = server, Joined(server)
        joined = self.joined
        server.paths.apps_yml.write_text(TEXT)
        joined.ours("moved.example.com", app="broken")
        joined.ours("earlier.example.com", target="earlier.cfargotunnel.com")
        joined.ours("kept.example.com", app="broken")
        joined.ours("old.example.com")
        joined.foreign("given.example.com")
        joined.foreign("given.example.com", "203.0.113.8")
        self.foreign = [
            joined.foreign("taken.example.com"),
            joined.foreign("given.example.com", "mail.example.com", kind="MX"),
            joined.foreign("mail.example.com"),
            joined.ours("led-away.example.com", target="cdn.example.net"),
        ]
        self.before = dict(joined.cloud.all_records[joined.zone.id])

    def reset(self) -> None:
        self.joined.cloud.all_records[self.joined.zone.id] = dict(self.before)

    def begin(self, daemon: Assembled) -> None:
        daemon.records.settle([Domain("given.example.com")], replace=True)
        daemon.records.follow()

    def safe(self) -> None:
        """At any moment: nothing foreign changed, and no name has two records of ours."""
        there = self.joined.cloud.records_of(self.joined.zone.id)
        assert [one for one in self.foreign if one not in there] == []
        ours = [one.name for one in there if one.comment.startswith("deployhost")]
        assert len(ours) == len(set(ours))
        assert self.joined.leads("kept.example.com", "broken")

    def check(self) -> None:
        self.safe()
        for name in ("new", "moved", "earlier"):
            assert self.joined.leads(f"{name}.example.com"), name
        assert self.joined.at("old.example.com") == []
        assert [kind for kind, _, _ in self.joined.at("given.example.com")] == ["MX", "CNAME"]
        assert len(self.joined.cloud.records_of(self.joined.zone.id)) == len(self.foreign) + 5


def test_a_crash_at_every_effect(server: Server) -> None:
    sweep = Sweep(server)
    broken = 0
    for number in effects():
        sweep.reset()
        life = Life(number)
        sweep.joined.cloud.live(life)
        try:
            sweep.begin(server.start())
        except Crash:
            broken += 1
        sweep.safe()
        well(sweep.joined)
        daemon = server.start()
        sweep.begin(daemon)
        sweep.check()
        sweep.joined.calls()
        daemon.records.check()
        assert sweep.joined.changes() == []
        if not life.broke:
            break
    assert broken > 5


@pytest.mark.parametrize("error", [ConnectionRefused, ProviderRefused, ProviderUnavailable, Conflict])
def test_an_error_at_every_call(server: Server, error: type[DeployhostError]) -> None:
    """401 and 403 are the first, 4xx the second, 429, 5xx and a hang the third, before or after it was done."""
    sweep = Sweep(server)
    broken = 0
    for number in effects():
        sweep.reset()
        life = Life(number, error)
        sweep.joined.cloud.live(life)
        daemon = server.start()
        sweep.begin(daemon)
        broken += life.broke
        sweep.safe()
        daemon.clock.sleep(records.RETRY)
        daemon.records.follow()
        sweep.check()
        sweep.joined.calls()
        daemon.records.check()
        assert sweep.joined.changes() == []
        if not life.broke:
            break
    assert broken > 5


@pytest.mark.parametrize("call", ["records", "create_record"])
def test_a_pause_that_cloudflare_asks_for(server: Server, joined: Joined, call: str) -> None:
    """Nobody asks during it: neither the job, nor a person's command."""
    server.add("shop", text=f"domains: [{A}]")
    daemon = server.start()
    fail(joined, call, error=lambda: ProviderUnavailable("a pause of 300 s", retry_after=300))
    daemon.records.follow()
    assert daemon.records.findings()[0].why == "a pause of 300 s; deployhost tries again after that"
    well(joined)
    joined.calls()
    for _ in range(4):
        daemon.clock.sleep(60)
        daemon.records.follow()
    daemon.records.settle([A])
    problem = daemon.records.admit(SHOP, [B])
    assert isinstance(problem, ProviderUnavailable)
    assert problem.retry_after == 60
    assert joined.calls() == []
    daemon.clock.sleep(61)
    daemon.records.follow()
    assert joined.leads(A)


@pytest.mark.parametrize("call", ["records", "create_record", "replace_records", "delete_record", "create_record done"])
@pytest.mark.parametrize("error", [ConnectionRefused, ProviderRefused, ProviderUnavailable, Conflict])
def test_an_error_that_lasts(server: Server, error: type[DeployhostError], call: str) -> None:
    """For an hour: nothing foreign changes, each minute has few calls, and once it is over all is well."""
    sweep = Sweep(server)
    fail(sweep.joined, call, error=lambda: error("no"))
    daemon = server.start()
    sweep.begin(daemon)
    for _ in range(60):
        sweep.joined.calls()
        daemon.clock.sleep(60)
        daemon.records.follow()
        assert len(sweep.joined.calls()) <= 20
        sweep.safe()
    well(sweep.joined)
    daemon.clock.sleep(records.RETRY)
    sweep.begin(daemon)
    sweep.check()
