"""Pushes, renames, deliveries that are lost, doubled and late, broken commits and kills, in any order: in the end the head was decided on."""

import random
from dataclasses import dataclass, field

import pytest

from deployhost.github.delivery_plan import LookAt
from deployhost.model import DeployStatus, Sha
from tests.fakes.assembled import Assembled, Server, settle, sha, wait_until
from tests.fakes.docker import Behaviour
from tests.fakes.life import Crash, Life
from tests.fakes.on_github import SHOP, OnGitHub
from tests.fakes.recovering import restart
from tests.fakes.sweep import FAST

SCHEDULES = 10 if FAST else 40
STEPS = 25


@dataclass
class World:
    """A repository with a history of heads, deliveries under way, and a daemon that dies now and then."""

    server: Server
    there: OnGitHub
    random: random.Random
    heads: list[Sha] = field(default_factory=list)
    posted: list[LookAt] = field(default_factory=list)
    number: int = 1

    def start(self) -> None:
        self.daemon: Assembled = restart(self.server)

    def push(self) -> None:
        self.number += 1
        commit = sha(self.number)
        if self.random.random() < 0.25:
            self.server.behaviours[commit] = Behaviour(exits=1)
        self.moved(commit)

    def force_push(self) -> None:
        self.moved(self.random.choice(self.heads))

    def moved(self, commit: Sha) -> None:
        self.there.push(commit)
        if self.heads[-1] != commit:
            self.heads.append(commit)
        wanted = LookAt(self.there.connection.id, self.there.shop.id, "refs/heads/main", commit)
        self.posted += [wanted] * self.random.choice([0, 1, 1, 1, 2])

    def deliver(self) -> None:
        if self.posted:
            self.daemon.look_queue.take(self.posted.pop(self.random.randrange(len(self.posted))))
            wait_until(lambda: self.daemon.look_queue.idle)

    def look(self) -> None:
        self.daemon.looks.look(SHOP)

    def work(self) -> None:
        self.daemon.work_off()

    def rename(self) -> None:
        name = f"octo/name{self.random.randrange(1000)}"
        if name not in {one.facts.full_name for one in self.server.github.repositories.values()}:
            self.server.github.rename(self.there.shop.id, name)

    def squat(self) -> None:
        """Somebody makes another repository under a name that this one had."""
        for owner, name in sorted(self.there.shop.old_names):
            if (owner, name) not in {
                (one.facts.owner, one.facts.name) for one in self.server.github.repositories.values()
            }:
                self.server.github.add_repository(
                    f"{owner}/{name}", {"main": sha(0xBAD)}, private=self.random.random() < 0.5
                )

    def kill(self) -> None:
        """The daemon dies in the middle of a look and what that asks for."""
        dying = self.server.start(Life(break_at=self.random.randrange(1, 40)))
        try:
            dying.looks.look(SHOP)
            dying.work_off()
        except Crash:
            pass
        settle()
        self.start()

    def step(self) -> None:
        acts = {
            self.push: 6, self.force_push: 2, self.deliver: 6, self.look: 3, self.work: 5, self.rename: 1, self.squat: 1, self.kill: 1,
        }  # fmt: skip
        self.random.choices(list(acts), list(acts.values()))[0]()


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_any_order(server: Server, seed: int) -> None:
    there = OnGitHub(server, sha(1))
    there.add()
    world = World(server, there, random.Random(seed), [sha(1)])
    world.start()
    world.look()  # which pins it
    for _ in range(STEPS):
        world.step()
    world.look()
    world.work()
    daemon = world.daemon
    head = world.heads[-1]
    deploys = [one for one in reversed(daemon.deploys.of_app(SHOP, 1000)) if not one.reason]
    newest = daemon.deploys.newest_head(SHOP)
    assert newest is not None
    assert newest.sha == head, "the head was decided on"
    assert newest.status is (DeployStatus.FAILED if head in server.behaviours else DeployStatus.LIVE)
    if newest.status is DeployStatus.LIVE:
        assert daemon.live(SHOP).sha == head
    assert sha(0xBAD) not in {one.sha for one in deploys}, "of the pinned repository only"
    along = iter(world.heads)
    assert all(any(one.sha == there_was for there_was in along) for one in deploys), "it moves along the heads"
    assert daemon.looks.look(SHOP) is None
    assert daemon.deploys.open() == []


def test_all_at_once(server: Server) -> None:
    """Three apps of a repository, deliveries while looks and deploys are under way: each head that lasts is live, none twice in a row."""
    there = OnGitHub(server, sha(1))
    apps = {there.add(): "main", there.add("blog", branch="live"): "live", there.add("docs", branch="docs"): "docs"}
    for branch in ("live", "docs"):
        there.push(sha(1), branch)
    daemon = server.start()
    daemon.workers.open()
    chance = random.Random(7)
    for app in apps:
        daemon.look_queue.ask(app)
    heads = dict.fromkeys(apps.values(), sha(1))
    for number in range(2, 60):
        branch = chance.choice([*heads])
        heads[branch] = sha(number)
        there.push(sha(number), branch)
        for _ in range(chance.choice([0, 1, 1, 3])):
            daemon.look_queue.take(LookAt(there.connection.id, there.shop.id, f"refs/heads/{branch}", sha(number)))
        if chance.random() < 0.3:
            daemon.look_queue.ask(chance.choice([*apps]))
        if chance.random() < 0.2:
            wait_until(lambda: daemon.look_queue.idle)
    wait_until(lambda: daemon.look_queue.idle, 20)
    for app in apps:
        daemon.look_queue.ask(app)
    wait_until(lambda: daemon.look_queue.idle and not daemon.deploys.open() and not daemon.workers._busy, 20)
    settle()
    for app, branch in apps.items():
        assert daemon.live(app).sha == heads[branch]
        deployed = [one.sha for one in reversed(daemon.deploys.of_app(app, 1000))]
        assert len(set(deployed)) == len(deployed)
        assert deployed == sorted(deployed), "in the order in which they were pushed"
