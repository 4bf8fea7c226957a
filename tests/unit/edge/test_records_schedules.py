"""Whatever people, Cloudflare and crashes do in whichever order: nothing foreign changes, no wish is guessed, and in the end all is well."""

import random
from collections.abc import Callable

import pytest

from deployhost.edge import records
from deployhost.edge.account import DnsRecord
from deployhost.edge.ownership import app_of
from deployhost.errors import Conflict, ConnectionRefused, DeployhostError, ProviderRefused, ProviderUnavailable
from deployhost.model import AppName, Domain
from tests.fakes.assembled import Assembled, Server
from tests.fakes.joined import SERVER_ID, Joined
from tests.fakes.life import Crash
from tests.fakes.sweep import FAST

APPS = [AppName("shop"), AppName("blog"), AppName("wiki")]
NAMES = [Domain(f"{letter}.example.com") for letter in "abcde"]
ERRORS = [ProviderUnavailable, ProviderRefused, ConnectionRefused, Conflict]
CALLS = ["records", "create_record", "replace_records", "delete_record"]


class Schedule:
    """Given a seed, one order of events. `entries` is what apps.yml is to say: the domains of each app, None for one with a mistake."""

    def __init__(self, server: Server, joined: Joined, seed: int) -> None:
        self.chance = random.Random(seed)
        self.server, self.joined = server, joined
        self.entries: dict[AppName, list[Domain]] = {app: [] for app in APPS}
        self.broken: set[AppName] = set()
        self.lost: set[AppName] = set()
        self.foreign: list[DnsRecord] = []
        self.given_up: set[Domain] = set()  # by name, since then or at some time before
        self.zone.clear()
        joined.cloud.fault = lambda _name: None
        self.daemon: Assembled = self.restart()
        self.write()

    @property
    def zone(self) -> dict[str, DnsRecord]:
        return self.joined.cloud.all_records[self.joined.zone.id]

    def restart(self) -> Assembled:
        self.server._end_all()
        self.daemon = self.server.start()
        self.daemon.wishes = type(self.daemon.wishes)(
            apps=self.daemon.apps, removals=self.daemon.removals, lost=lambda app: app in self.lost
        )
        self.daemon.records.wishes = self.daemon.wishes
        return self.daemon

    def write(self) -> None:
        lines = ["apps:"]
        for app, domains in self.entries.items():
            if app not in self.lost:
                lines += [f"  {app}:", f"    domains: [{', '.join(domains)}]"]
                lines += ["    nonsense: 1"] if app in self.broken else []
        self.server.paths.apps_yml.write_text("\n".join(lines) + "\n")

    def by_hand(self) -> None:
        """Give a domain to an app, or take it away from whichever has it."""
        had = [domain for domains in self.entries.values() for domain in domains]
        domain = self.chance.choice([*NAMES, *had, *had])
        for domains in self.entries.values():
            if domain in domains:
                domains.remove(domain)
        if self.chance.random() < 0.7:
            self.entries[self.chance.choice(APPS)].append(domain)
        self.write()

    def by_command(self) -> None:
        """Add a domain as `domains add` does, with --replace or without."""
        app, domain = self.chance.choice(APPS), self.chance.choice(NAMES)
        owner = next((one for one, domains in self.entries.items() if domain in domains), app)
        replace = self.chance.random() < 0.3
        if owner != app or self.broken or self.lost:
            return
        try:
            problem = self.daemon.records.admit(app, [domain], replace=replace)
        except Conflict:
            return
        if domain not in self.entries[app]:
            self.entries[app].append(domain)
        self.write()
        if replace:
            self.given_up.add(domain)
        self.daemon.records.settle([domain], replace=replace, problem=problem)

    def mistake(self) -> None:
        self.broken ^= {self.chance.choice(APPS)}
        self.write()

    def loss(self) -> None:
        self.lost ^= {self.chance.choice(APPS)}
        self.write()

    def somebody(self) -> None:
        """Have somebody make a record, or delete any."""
        name, there = self.chance.choice(NAMES), list(self.zone.values())
        if there and self.chance.random() < 0.4:
            gone = self.chance.choice(there)
            del self.zone[gone.id]
            self.foreign = [one for one in self.foreign if one.id != gone.id]
        elif all(one.name != name for one in there):
            self.foreign.append(self.joined.foreign(name))
            self.given_up.discard(name)

    def take_over(self) -> None:
        """Have somebody put a record in the place of one of ours."""
        found = [one for one in self.zone.values() if app_of(one.comment, SERVER_ID) is not None]
        if found:
            gone = self.chance.choice(found)
            del self.zone[gone.id]
            self.foreign.append(self.joined.foreign(gone.name))
            self.given_up.discard(Domain(gone.name))

    def trouble(self) -> None:
        """Have a call fail from now on, before it is done or after, or have the daemon die there."""
        call = self.chance.choice(CALLS) + self.chance.choice(["", " done"])
        error: type[BaseException] = self.chance.choice([*ERRORS, Crash])

        def fault(name: str) -> None:
            if name == call:
                raise error("no")

        self.joined.cloud.fault = fault

    def mend(self) -> None:
        self.joined.cloud.fault = lambda _name: None

    def later(self) -> None:
        self.daemon.clock.sleep(self.chance.choice([10, 60, 60, 300, 3600]))
        self.daemon.records.follow()

    def step(self) -> None:
        events: list[Callable[[], None]] = [
            self.by_hand, self.by_hand, self.by_command, self.by_command, self.mistake, self.loss, self.somebody,
            self.take_over, self.trouble, self.mend, self.mend, self.later, self.later, self.later,
        ]  # fmt: skip
        event = self.chance.choice(events)
        before = dict(self.zone)
        try:
            event()
        except Crash:
            self.restart()
        if event not in (self.somebody, self.take_over):
            self.judge(before)

    def judge(self, before: dict[str, DnsRecord]) -> None:
        """Compare the zone with what it was before deployhost did something."""
        names = [one.name for one in self.zone.values() if one.type in ("A", "CNAME")]
        assert len(names) == len(set(names))
        self.foreign = [one for one in self.foreign if one.id in self.zone or one.name not in self.given_up]
        assert [one for one in self.foreign if self.zone.get(one.id) != one] == []
        wanted = {domain for app, found in self.entries.items() if app not in self.lost for domain in found}
        for gone in (one for one in before.values() if one.id not in self.zone):
            app = app_of(gone.comment, SERVER_ID)
            if app is not None and gone.name not in names:
                assert app not in self.broken | self.lost
                assert gone.name not in wanted

    def end(self) -> None:
        """Everything is mended: what is wanted is there, unless somebody else has the name; nothing else of ours is."""
        self.mend()
        self.broken, self.lost = set(), set()
        self.write()
        self.daemon.clock.sleep(2 * records.FULL)
        self.daemon.records.follow()
        taken = {one.name for one in self.foreign}
        wanted = {domain: app for app, domains in self.entries.items() for domain in domains}
        for domain in NAMES:
            if domain in wanted and domain not in taken:
                assert self.joined.leads(domain, wanted[domain])
        ours = {one.name for one in self.zone.values() if app_of(one.comment, SERVER_ID) is not None}
        assert ours == set(wanted) - taken
        self.joined.calls()
        self.daemon.records.check()
        assert self.joined.changes() == []


@pytest.mark.parametrize("part", range(4))
def test_any_order(server: Server, part: int) -> None:
    joined = Joined(server)
    for seed in range(part, 40 if FAST else 200, 4):
        schedule = Schedule(server, joined, seed)
        try:
            for _ in range(40):
                schedule.step()
            schedule.end()
        except (AssertionError, DeployhostError) as error:
            error.add_note(f"the seed is {seed}")
            raise
