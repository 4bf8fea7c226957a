"""A fresh server with the internet around it (Cloudflare's and GitHub's doubles), and the steps from nothing to a repository that is live.

The doubles listen on the address of this machine's Docker bridge, and the server knows them by their real names. A person's browser
runs on this machine; it reaches the server's 127.0.0.1 as through `ssh -L`.
"""

import contextlib
import http.client
import json
import shutil
import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployhost.system import netns
from tests.doubles.github.world import App
from tests.doubles.internet import CA_FILE, Internet
from tests.e2e.fresh_server.server import BUNDLE, INSTALL, FreshServer, Running, fresh_server, host, until

APP = "shop"
TOKEN_FILE = "/root/cloudflare token"
BASE = "python:3.13-slim"
MAIN = '''"""Answers with a word, and how the request came."""

import http.server
import os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("WORD " + self.headers.get("X-Forwarded-Proto", "") + "\\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
'''
WRITING = ("POST", "PUT", "PATCH", "DELETE")


class Relay(socketserver.ThreadingTCPServer):
    """Passes connections to a port of 127.0.0.1 on this machine on to one of the server's, as `ssh -L` does."""

    daemon_threads = True

    def __init__(self, pid: int, port: int) -> None:
        super().__init__(("127.0.0.1", 0), RelayHandler)
        self.pid, self.there = pid, port
        self.port = int(self.server_address[1])
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class RelayHandler(socketserver.BaseRequestHandler):
    """One connection."""

    server: Relay

    def handle(self) -> None:
        """Pass bytes both ways until one side ends."""
        with socket_in(self.server.pid, self.server.there) as there:
            back = threading.Thread(target=_pass, args=(there, self.request), daemon=True)
            back.start()
            _pass(self.request, there)
            back.join()


def socket_in(pid: int, port: int) -> socket.socket:
    """Return a connection to a port of 127.0.0.1 as a process has it: the first one of a server's container. Raise OSError."""
    return netns._inside(pid, lambda: socket.create_connection(("127.0.0.1", port), timeout=60))


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


class OnTheInternet:
    """The server, the internet, and a person with an account at both services: `name` is the person's, and of their zone."""

    def __init__(self, server: FreshServer, internet: Internet, name: str = "octo") -> None:
        self.server, self.internet, self.owner = server, internet, name
        self.domain = f"shop.{name}.example"
        account = internet.cloudflare.state.add_account(name)
        self.zone = internet.cloudflare.state.add_zone(f"{name}.example", account)
        self.token = internet.cloudflare.state.add_token(account)
        self.repository = internet.github.repository(f"{name}/shop", {"main.py": MAIN.replace("WORD", "one")})
        for path, text in internet.files().items():
            server.write(text, path)
        server.run("update-ca-certificates")
        if Path(BUNDLE).exists():  # which has further certificates, and was made anew
            server.copy(Path(BUNDLE), BUNDLE)
            server.run("sh", "-c", f"cat {CA_FILE} >> {BUNDLE}")
        server.write(f"{self.token.value}\n", TOKEN_FILE)
        self.listened = self.listens()

    @property
    def app(self) -> App:
        """The App that set-up made at GitHub."""
        (made,) = [one for one in self.internet.github.world.apps.values() if one.owner.login == self.owner]
        return made

    def set_up(self) -> str:
        """Set the server up without a terminal, and confirm the App in a browser. Return what set-up wrote."""
        options = ("--cloudflare-token", TOKEN_FILE, "--zone", self.zone.name, "--github-url", self.internet.github.web)
        running = self.server.start(*INSTALL, *options)
        self._in_the_browser(running)
        return running.wait(120)

    def _in_the_browser(self, running: Running) -> None:
        page = running.until(r"http://127\.0\.0\.1:([0-9]+)/\S+", 600)
        browser = self.internet.github.browser(self.owner)
        with Relay(self.server.pid, int(page[1])) as relay:
            browser.reach = {
                f"127.0.0.1:{page[1]}": ("127.0.0.1", relay.port),
                self.internet.github_host: (self.internet.host, self.internet.port),
            }
            made = browser.create_app(page[0])
            assert made.status == 200, made.text
            install = running.until(rf"{self.internet.github.web}/\S+/installations/new", 60)
            installed = browser.install(install[0], [self.repository.id])
            assert installed.status == 200, installed.text

    def add(self) -> str:
        """Deploy the repository at a domain, and return what that wrote."""
        carry_base(self.server)
        return self.server.run("deployhost", "add", self.repository.full_name, "--domain", self.domain)

    def push(self, word: str) -> str:
        """Push a change, wait until it is live at its domain, and return its commit."""
        sha = self.repository.commit({"main.py": MAIN.replace("WORD", word)})
        until(lambda: self.shown() == f"{word} https\n", 60)
        return sha

    def shown(self) -> str:
        """Return what the domain shows to a visitor, or the status if it is not 200."""
        context = self.internet.authority.client_context()
        connection = http.client.HTTPSConnection(self.domain, context=context, timeout=20)
        plain = socket.create_connection((self.internet.host, self.internet.port), 10)
        with contextlib.closing(plain), contextlib.closing(connection):
            connection.sock = context.wrap_socket(plain, server_hostname=self.domain)
            connection.request("GET", "/")
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        return text if answer.status == 200 else str(answer.status)

    def state_of(self, sha: str) -> str:
        """Return the state that GitHub shows for a commit, or "" for none."""
        return str(self.repository.latest_statuses(sha).get(f"deployhost/{APP}", {}).get("state", ""))

    def listens(self) -> set[str]:
        """Return what listens on other addresses than those of the loopback interface."""
        shown = self.server.run("ss", "--listening", "--tcp", "--udp", "--numeric", "--no-header")
        addresses = {line.split()[4] for line in shown.splitlines()}
        return {one for one in addresses if not one.startswith(("127.", "[::1]:"))}

    def status(self) -> Any:
        """Return what `status --json` says of the app."""
        (app,) = json.loads(self.server.run("deployhost", "status", APP, "--json"))["apps"]
        return app

    def programs(self) -> dict[str, int]:
        """Return the processes that a set-up with nothing to do leaves alone."""
        return self.server.process("bin/deployhostd", "dockerd", "cloudflared.*tunnel")

    def written(self) -> list[str]:
        """Return the calls that changed something at Cloudflare, in order."""
        calls = self.internet.cloudflare.record.calls
        return [f"{one.method} {one.path}" for one in calls if one.method in WRITING]

    def set_up_again(self) -> dict[str, Any]:
        """Run set-up again without options and without a terminal, and return its result."""
        # Progress is on standard error, of which nobody knows when it arrives beside the other.
        said = self.server.run("sh", "-c", "deployhost setup --json 2>/dev/null")
        result: dict[str, Any] = json.loads(said)
        return result

    def reboot(self) -> None:
        """Restart the server; where nothing starts services, set-up does, without asking."""
        self.server.reboot()
        if not self.server.systemd:
            self.server.run("deployhost", "setup", "--local")
        until(lambda: self.shown().endswith(" https\n"), 60)

    def take_away(self) -> str:
        """Remove the app and both connections, and return what that wrote."""
        commands: Sequence[tuple[str, ...]] = (
            ("remove", APP, "--yes"),
            ("disconnect", "cloudflare", "--yes"),
            ("disconnect", "github", "--yes"),
        )
        return "".join(self.server.run("deployhost", *command) for command in commands)

    def left(self) -> dict[str, list[Any]]:
        """Return what is still at Cloudflare and GitHub that a server put there. Only its owner can delete an App."""
        state, world = self.internet.cloudflare.state, self.internet.github.world
        return {
            "records": list(self.zone.records.values()),
            "tunnels": [
                one for one in state.tunnels.values() if one.account == self.zone.account and not one.deleted_at
            ],
            "installations": [one for one in world.installations.values() if one.account.login == self.owner],
        }


@contextmanager
def on_the_internet(suite: str, parts: Path, folder: Path, *, systemd: bool = True) -> Iterator[OnTheInternet]:
    """Boot a server of a Debian release with the internet around it; `parts` is what make_parts made, `folder` is for the doubles."""
    with Internet(folder / "internet", bridge_address()) as internet:
        carried = Path(shutil.copytree(parts, folder / "parts"))
        (wheel,) = carried.glob("*.whl")
        internet.replace_keys(wheel)
        hosts = dict.fromkeys(internet.names(), internet.host)
        with fresh_server(suite, carried, systemd=systemd, hosts=hosts, purpose="internet") as server:
            yield OnTheInternet(server, internet)
        internet.check()


def bridge_address() -> str:
    """Return the address of this machine that containers reach."""
    return host("docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", "bridge").strip()


def carry_base(server: FreshServer) -> None:
    """Give the server's Docker the base image of Python apps, if this machine has it: making one there takes a minute."""
    if not host("docker", "images", "--quiet", BASE).strip():
        return
    with tempfile.TemporaryDirectory() as directory:
        saved = Path(directory) / "base.tar"
        host("docker", "save", "--output", str(saved), BASE)
        server.copy(saved, "/root/base.tar")
    server.run("docker", "load", "--input", "/root/base.tar")
    server.run("rm", "/root/base.tar")
