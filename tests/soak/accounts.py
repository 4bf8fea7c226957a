"""Accounts at Cloudflare and GitHub under a clumsy owner: commands that are killed halfway or run twice at once, and what others change there.

    python tests/soak/accounts.py --rounds 3

A fresh server with the doubles around it. After each step, and its command run once more to its end, there is one tunnel of ours and
one record per domain, nothing of others is changed, and the app answers at its domain; after `disconnect` nothing of ours is left.
"""

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.doubles.serve import Fault
from tests.e2e.fresh_server.on_the_internet import APP, MAIN, TOKEN_FILE, OnTheInternet, on_the_internet
from tests.e2e.fresh_server.server import Failed, make_parts, until

CONNECT = ("connect", "cloudflare", "--token", TOKEN_FILE, "--zone")
DISCONNECT = ("disconnect", "cloudflare", "--yes")
LONGEST = {"connect": 6.0, "disconnect": 4.0, "domains": 2.5, "add": 5.0, "remove": 3.0}  # seconds until a kill


class Accounts:
    """The world, what of others there is in it, and what may be done to it."""

    def __init__(self, world: OnTheInternet, random_: random.Random) -> None:
        self.world, self.random = world, random_
        self.state = world.internet.cloudflare.state
        world.set_up()
        print(world.add().strip().splitlines()[-1], flush=True)
        (installation,) = world.internet.github.world.installations.values()
        installation.selected = None
        self.state.record(world.zone, "A", f"www.{world.zone.name}", "192.0.2.1", comment="somebody's")
        self.state.record(world.zone, "CNAME", f"docs.{world.zone.name}", "pages.example.net")
        self.foreign = self._not_ours()
        self.word = "one"
        self.steps: Sequence[Callable[[], None]] = (
            self.cloudflare_killed, self.cloudflare_twice, self.domains_killed, self.domains_twice, self.added_and_removed,
            self.tunnel_deleted, self.record_deleted, self.suspended, self.cloudflare_away, self.nonsense_in_apps_yml,
            self.damaged_connection, self.renamed, self.another_port, self.another_webhook_host, self.uninstalled_and_back,
            self.cloudflared_gone, self.branch_deleted, self.app_uninstalled, self.zone_removed, self.default_branch_changed,
        )  # fmt: skip

    def play(self, only: Sequence[str] = ()) -> list[str]:
        """Do all of it in some order, or some of it, and return what went wrong."""
        wrong = []
        some = [step for step in self.steps if step.__name__ in only]
        for step in some or self.random.sample(self.steps, len(self.steps)):
            began = time.monotonic()
            try:
                step()
                self._right()
            except Exception as error:
                traceback.print_exc()
                print(self.world.server.run("deployhost", "status", check=False), flush=True)
                wrong.append(f"{step.__name__}: {type(error).__name__} {error}"[:1000])
            print(f"{step.__name__}  {time.monotonic() - began:.0f} s  {len(wrong)} problems", flush=True)
        return wrong

    # What is done.

    def cloudflare_killed(self) -> None:
        """Disconnect and connect, each killed somewhere and then run to its end."""
        for command in (DISCONNECT, (*CONNECT, self.world.zone.name)):
            for _ in range(2):
                self._killed(*command)
            self._run(*command)
            if command is DISCONNECT:
                assert self._ours() == {"records": [], "tunnels": []}, self._ours()

    def cloudflare_twice(self) -> None:
        """Connect twice at once."""
        self._at_once((*CONNECT, self.world.zone.name), (*CONNECT, self.world.zone.name))

    def domains_killed(self) -> None:
        name = f"more.{self.world.zone.name}"
        self._killed("domains", "add", APP, name)
        self._run("domains", "add", APP, name)
        assert [one["name"] for one in self._ours()["records"]].count(name) == 1
        self._killed("domains", "remove", APP, name)
        self._run("domains", "remove", APP, name)
        until(lambda: name not in [one["name"] for one in self._ours()["records"]], 90)

    def domains_twice(self) -> None:
        name = f"both.{self.world.zone.name}"
        self._at_once(("domains", "add", APP, name), ("domains", "add", APP, name))
        assert [one["name"] for one in self._ours()["records"]].count(name) == 1
        self._at_once(("domains", "remove", APP, name), ("domains", "remove", APP, name))
        assert name not in [one["name"] for one in self._ours()["records"]]

    def added_and_removed(self) -> None:
        """Another app of the repository: two additions that are killed, one that is not; and its removal likewise."""
        name = f"second.{self.world.zone.name}"
        add = ("add", self.world.repository.full_name, "--name", "second", "--domain", name)
        for _ in range(2):
            self._killed(*add)
        self._run(*add)
        status = json.loads(self.world.server.run("deployhost", "status", "second", "--json"))["apps"][0]
        assert status["last_deploy"]["status"] == "live", status
        self._killed("remove", "second", "--yes")
        self.world.server.run("deployhost", "remove", "second", "--yes", check=False)  # it may be gone already
        until(lambda: "second" not in self.world.server.run("deployhost", "list", "--json"), 60)
        until(lambda: name not in [one["name"] for one in self._ours()["records"]], 90)

    def tunnel_deleted(self) -> None:
        """By hand, at Cloudflare."""
        for tunnel in self._ours()["tunnels"]:
            tunnel.deleted_at = "2026-01-01T00:00:00Z"
        self._run("connect", "cloudflare")

    def record_deleted(self) -> None:
        """By hand, at Cloudflare: set-up's part looks, the daemon each hour; `domains add` sees to it at once."""
        self.world.zone.records = {
            id_: one for id_, one in self.world.zone.records.items() if one["name"] != self.world.domain
        }
        self._run("domains", "add", APP, self.world.domain)

    def suspended(self) -> None:
        """The App, while something is pushed."""
        github = self.world.internet.github
        (installation,) = github.world.installations.values()
        github.suspend(installation)
        self._push()
        until(lambda: "suspended" in self.world.server.run("deployhost", "status", check=False), 90)
        github.suspend(installation, suspended=False)

    def cloudflare_away(self) -> None:
        """It answers nothing of use while a domain is added; the daemon makes up for that."""
        record, name = self.world.internet.cloudflare.record, f"late.{self.world.zone.name}"
        fault = self.random.choice((Fault("*", ".*", status=503, times=None), Fault("*", ".*", drop=True, times=None)))
        record.fail(fault)
        self._run("domains", "add", APP, name)
        failed = self.world.server.run("deployhost", *DISCONNECT, check=False)
        assert "deployhost disconnect cloudflare" in failed, failed
        record.mend()
        until(lambda: name in [one["name"] for one in self._ours()["records"]], 150)
        self._run("domains", "remove", APP, name)

    def nonsense_in_apps_yml(self) -> None:
        """While a domain waits for Cloudflare: nothing is deleted, and all is well once the file is."""
        server, path = self.world.server, "/etc/deployhost/apps.yml"
        text, before = server.run("cat", path), self._ours()["records"]
        for nonsense in ("apps: [", "", f"apps:\n  {APP}:\n    domains: {{}}\n", "\x00\xff"):
            server.write(nonsense, path)
            time.sleep(12)
            assert self._ours()["records"] == before
        server.write(text, path)

    def damaged_connection(self) -> None:
        """Cut, as by a disk that was full: it is told, and connecting again adopts what is there."""
        server, path = self.world.server, "/etc/deployhost/connections/cloudflare"
        tunnels = [one.id for one in self._ours()["tunnels"]]
        server.run("truncate", "--size=100", path)
        until(lambda: "is damaged" in server.run("deployhost", "status", check=False), 60)
        server.run("rm", path)
        self._run(*CONNECT, self.world.zone.name)
        assert [one.id for one in self._ours()["tunnels"]] == tunnels

    def renamed(self) -> None:
        """The repository, and another one takes its name."""
        repository, github = self.world.repository, self.world.internet.github
        old = repository.name
        repository.rename(f"{old}-{self.random.randrange(10**6)}")
        github.repository(f"{self.world.owner}/{old}", {"main.py": MAIN.replace("WORD", "another")})
        self._push()

    def zone_removed(self) -> None:
        """A zone of its own, found when a domain needs it, and taken off the account while the domain is there."""
        zone = self.state.add_zone(f"zone-{self.random.randrange(10**6)}.example", self.world.zone.account)
        name = f"shop.{zone.name}"
        self._run("domains", "add", APP, name)
        until(
            lambda: name in [one["name"] for one in zone.records.values()], 240
        )  # the account is looked at every three minutes then
        del self.state.zones[zone.id]
        self._run("domains", "add", APP, name)
        self._run("connect", "cloudflare")
        self._run("domains", "remove", APP, name)
        assert "Cloudflare" not in self.world.server.run("deployhost", "status", APP)
        self._run(*DISCONNECT)
        assert self._ours() == {"records": [], "tunnels": []}, self._ours()
        self._run(*CONNECT, self.world.zone.name)

    def default_branch_changed(self) -> None:
        """The app follows it: apps.yml names none."""
        repository, before = self.world.repository, self.world.repository.default_branch
        name = f"trunk-{self.random.randrange(10**6)}"
        self.word = name
        repository.commit({"main.py": MAIN.replace("WORD", name)}, branch=name)
        repository.set_default_branch(name)
        until(lambda: self.world.shown() == f"{name} https\n", 120)
        repository.set_default_branch(before)
        self._push()

    def another_port(self) -> None:
        """Of kamal-proxy, to and fro; the second set-up is killed on its way and then run to its end."""
        for port in (8088, 80):
            self.world.server.run(
                *("timeout", "--signal=KILL", f"{self.random.uniform(1, 8):.2f}", "deployhost"),
                *("setup", "--local", "--http-port", str(port)),
                check=False,
            )
            self._run("setup", "--local", "--http-port", str(port))
            until(lambda: self.world.shown() == f"{self.word} https\n", 120)

    def another_webhook_host(self) -> None:
        """By hand in server.yml: set-up moves the record and tells GitHub, and deliveries arrive there."""
        server, path = self.world.server, "/etc/deployhost/server.yml"
        before = server.run("cat", path)
        for text in (f"{before}\nwebhook_host: deployhost-hooks.{self.world.zone.name}\n", before):
            server.write(text, path)
            self._run("setup", "--local")
            told = self.world.internet.github.world.deliveries
            seen = len(told)
            self._push()
            until(lambda: self.world.shown() == f"{self.word} https\n", 120)
            self.world.internet.github.deliveries.settle()
            assert [one.status_code for one in told[seen:] if one.event == "push"] == [202]

    def uninstalled_and_back(self) -> None:
        """What stays is named; an installation after it finds the connections."""
        said = self.world.server.uninstall()
        assert "disconnect cloudflare" in said, said
        assert "disconnect github" in said, said
        self.world.server.install("--local")

    def cloudflared_gone(self) -> None:
        """Removed by hand: it is told, and connecting brings it back."""
        self.world.server.run("apt-get", "remove", "--yes", "cloudflared")
        self.world.server.run("pkill", "cloudflared", check=False)
        until(lambda: "tunnel" in self.world.server.run("deployhost", "status", check=False), 60)
        self._run("connect", "cloudflare")

    def branch_deleted(self) -> None:
        """It is told, the app serves on, and the next push to it is deployed."""
        repository, head = self.world.repository, self.world.repository.head()
        assert head is not None
        repository.delete_branch("main")
        until(lambda: "has no branch main" in self.world.server.run("deployhost", "status", check=False), 90)
        assert self.world.shown() == f"{self.word} https\n"
        repository.push("main", head)
        self._push()

    def app_uninstalled(self) -> None:
        """By its owner, who installs it again: it is another installation then."""
        github, app = self.world.internet.github, self.world.app
        (installation,) = github.world.installations.values()
        github.uninstall(installation)
        self._push()
        until(lambda: "not installed" in self.world.server.run("deployhost", "status", check=False), 90)
        github.install(app, app.owner)

    # How, and how it has to be.

    def _run(self, *command: str) -> str:
        return self.world.server.run("deployhost", *command)

    def _killed(self, *command: str) -> None:
        """Run a command and kill it, its children and all, somewhere on its way."""
        seconds = f"{self.random.uniform(0.3, LONGEST[command[0]]):.2f}"
        self.world.server.run("timeout", "--signal=KILL", seconds, "deployhost", *command, check=False)

    def _at_once(self, *commands: Sequence[str]) -> None:
        """Run commands at the same time; one of them may be told that another one is at it."""
        running = [self.world.server.start("deployhost", *command) for command in commands]
        failed = []
        for one in running:
            try:
                one.wait(180)
            except Failed as error:
                failed.append(str(error))
        assert len(failed) < len(running), failed

    def _push(self) -> None:
        self.word = f"word-{self.random.randrange(10**9)}"
        self.world.repository.commit({"main.py": MAIN.replace("WORD", self.word)})

    def _right(self) -> None:
        until(lambda: self.world.shown() == f"{self.word} https\n", 120)
        found = self._ours()
        assert len(found["tunnels"]) == 1, found
        names = sorted(one["name"] for one in found["records"])
        assert names == sorted({self.world.domain, *(one for one in names if one.startswith("deployhost-"))}), names
        assert len(names) == 2, names
        assert self._not_ours() == self.foreign
        self.world.internet.check()

    def _ours(self) -> dict[str, list[Any]]:
        left = self.world.left()
        return {
            "records": [one for one in left["records"] if str(one.get("comment") or "").startswith("deployhost ")],
            "tunnels": left["tunnels"],
        }

    def _not_ours(self) -> list[Any]:
        return deepcopy([one for one in self.world.left()["records"] if one not in self._ours()["records"]])


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the rounds; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="names of steps: these alone, in their order")
    parser.add_argument("--suite", default="bookworm", help="the Debian release")
    asked = parser.parse_args(arguments)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "parts").mkdir()
        parts = make_parts(Path(directory) / "parts")
        with on_the_internet(asked.suite, parts, Path(directory) / "world") as world:
            accounts = Accounts(world, random.Random(asked.seed))
            for number in range(asked.rounds):
                wrong += [f"round {number}: {line}" for line in accounts.play(asked.only)]
    print("\n".join(wrong) or f"{asked.rounds} rounds, nothing wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
