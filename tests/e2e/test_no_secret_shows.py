"""Ten deploys from GitHub, and none of the secrets that they need shows: not in processes, environments, logs, git's settings or images.

Searched for are the secrets themselves and what base64 makes of them, wherever in a longer text they stand.
"""

import base64
import re
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.doubles.github.world import Token
from tests.doubles.internet import Internet
from tests.e2e.fresh_server.on_the_internet import TOKEN_FILE, OnTheInternet
from tests.e2e.fresh_server.server import FreshServer, until

DEPLOYS = 10
SHORTEST = 20  # characters of a secret that are enough to know it by
# Where secrets are meant to be, for root alone; the second one is the test's own.
ALLOWED = ("/etc/deployhost/connections/", TOKEN_FILE)
NOT_FILES = ("proc", "sys", "dev")
on_one_server = pytest.mark.parametrize("server", ["trixie"], indirect=True)


def in_base64(secret: str) -> Iterator[str]:
    """Yield what base64 makes of a secret inside a longer text, at each of the three places in a group."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        yield encoded[(before * 8 + 5) // 6 : -1]


def needles(secrets: Iterable[str]) -> set[str]:
    """Return what is searched for."""
    plain = {one for one in secrets if len(one) >= SHORTEST}
    return plain | {one for secret in plain for one in in_base64(secret)}


class Watch:
    """Looks at the command lines and environments of all processes, again and again; the server's are among this machine's."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            for process in Path("/proc").iterdir():
                if not process.name.isdigit():
                    continue
                for name in ("cmdline", "environ"):
                    try:
                        self.seen.add((process / name).read_bytes())
                    except OSError:
                        continue

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def shows(self, searched: set[str]) -> list[str]:
        """Return the texts that one of these is in."""
        pattern = re.compile(b"|".join(re.escape(one.encode()) for one in searched))
        return [text.decode(errors="replace") for text in self.seen if pattern.search(text)]


class Known:
    """The secrets that the doubles gave out."""

    def __init__(self, world: OnTheInternet, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world, self.tokens = world, list[str]()
        github = world.internet.github.world
        new_token = github.new_token

        def kept(*arguments: Any) -> Token:
            made = new_token(*arguments)
            self.tokens.append(made.text)
            return made

        monkeypatch.setattr(github, "new_token", kept)

    def all(self) -> set[str]:
        """Return the secrets of both accounts; of a key the lines."""
        app = self._world.app
        assert app.hook_secret is not None
        key = [line for line in app.pem.splitlines() if not line.startswith("--")]
        tunnels = [one.secret for one in self._world.internet.cloudflare.state.tunnels.values()]
        return {self._world.token.value, app.hook_secret, *tunnels, *key[1:-1], *self.tokens}


@pytest.fixture(scope="module")
def world(server: FreshServer, internet: Internet) -> OnTheInternet:
    return OnTheInternet(server, internet, f"secret-{server.suite}")


def found_on(world: OnTheInternet, searched: set[str]) -> list[str]:
    """Return the files of the server, and the lines of its journal, that one of these is in."""
    script = (
        f"cat > /dev/shm/searched; grep --recursive --fixed-strings --files-with-matches --text --devices=skip --file=/dev/shm/searched"
        f" {' '.join(f'--exclude-dir={name}' for name in NOT_FILES)} / 2>/dev/null;"
        " journalctl --no-pager --output=export 2>/dev/null | grep --fixed-strings --text --file=/dev/shm/searched;"
        " rm /dev/shm/searched"
    )
    argv = ["docker", "exec", "--interactive", world.server.container, "sh", "-c", script]
    done = subprocess.run(
        argv, check=False, input="\n".join(searched), capture_output=True, text=True, errors="replace", timeout=300
    )
    return [line for line in done.stdout.splitlines() if not line.startswith(ALLOWED)]


@on_one_server
def test_ten_deploys(world: OnTheInternet, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known(world, monkeypatch)
    with Watch() as watch:
        world.set_up()
        world.add()
        for number in range(DEPLOYS):
            sha = world.push(f"deploy {number}")
        until(lambda: world.state_of(sha) == "success", 30)
        world.server.run("deployhost", "status")
    assert known.tokens
    searched = needles(known.all())
    assert watch.shows(searched) == []
    assert found_on(world, searched) == []


@on_one_server
def test_what_it_would_find(world: OnTheInternet) -> None:
    secret = world.token.value
    hidden = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
    world.server.write(f"Authorization: Basic {hidden}\n", "/var/lib/deployhost/left behind")
    assert found_on(world, needles([secret])) == ["/var/lib/deployhost/left behind"]
    with Watch() as watch:
        world.server.run("sh", "-c", "sleep 0.2", hidden)
    assert watch.shows(needles([secret]))
