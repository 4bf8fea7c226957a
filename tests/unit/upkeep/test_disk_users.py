"""A disk that is nearly full: who has most of it is told, once that is known."""

import threading
from dataclasses import replace

import pytest

from deployhost.errors import DiskFull
from deployhost.upkeep.disk_plan import GIB, MIB, Space, Use, most_of
from deployhost.upkeep.disk_users import KNOWN_FOR, DiskUsers
from tests.fakes.assembled import Assembled, Server, wait_until


def users(daemon: Assembled, free: int) -> DiskUsers:
    disks = replace(daemon.disks, measure=lambda path: Space(str(path), 100 * GIB, free))
    return replace(daemon.disk_users, disks=disks, measure=lambda _path: 3 * GIB)


def test_room_enough(server: Server) -> None:
    shop, daemon = server.add("shop"), server.start()
    server.engine.written = {shop: 50 * GIB}
    found = users(daemon, 50 * GIB)
    found.check()
    assert not found._measuring


def test_who_fills_it(server: Server) -> None:
    shop, blog = server.add("shop"), server.add("blog")
    daemon = server.start()
    server.engine.written = {shop: 50 * GIB, "somebody": 90 * GIB, "": 5, blog: 10}
    daemon.paths.storage(blog).mkdir(parents=True)
    told = threading.Event()
    found = replace(users(daemon, 4 * GIB), measure=lambda _path: 3 * GIB if told.wait(30) else 0)
    with pytest.raises(DiskFull, match=r"only 4 GB of 100 GB free$") as caught:
        found.check()
    assert caught.value.hint == "deployhost prune"
    told.set()
    wait_until(lambda: found._measured_at is not None)
    with pytest.raises(DiskFull, match=r"; most of it: shop's containers 50 GB, blog's storage 3 GB$"):
        found.check()
    server.engine.written = {}
    daemon.clock.sleep(KNOWN_FOR)
    with pytest.raises(DiskFull):
        found.check()
    wait_until(lambda: sum(use.bytes for use in found._uses) == 3 * GIB)


def test_an_engine_that_is_away(server: Server) -> None:
    server.add("shop")
    daemon = server.start()
    found = users(daemon, 4 * GIB)
    daemon.disks.engine()
    with pytest.raises(DiskFull):
        found.check()
    wait_until(lambda: found._measured_at is not None)
    assert sum(use.bytes for use in found._uses) == 0


def test_only_the_largest_are_named(server: Server) -> None:
    apps = [server.add(f"app{number}") for number in range(5)]
    uses = [Use(app, "storage", number * 100 * MIB) for number, app in enumerate(apps)]
    assert most_of(uses) == "; most of it: app4's storage 400 MB, app3's storage 300 MB, app2's storage 200 MB"
    assert most_of(uses[:1]) == ""


def test_status_tells_it_and_forgets_it(server: Server) -> None:
    daemon = server.start()
    full = users(daemon, 4 * GIB)
    daemon.troubles.went_well("watching the disks", full.check)
    [shown] = daemon.troubles.now()
    assert shown["message"].startswith("watching the disks: the disk of ")
    daemon.troubles.went_well("watching the disks", users(daemon, 50 * GIB).check)
    assert daemon.troubles.now() == []
