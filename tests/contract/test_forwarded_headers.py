"""What the real gunicorn and uvicorn see of a visitor, started as they are in images, behind one and two hops that append."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deployhost.build.detect.candidate import Start
from deployhost.build.detect.python.dependencies import Dependencies
from deployhost.build.detect.python.launch import gunicorn, uvicorn
from deployhost.containers.spec import PROXY_ADDRESSES, PROXY_NETWORK

VISITOR = "203.0.113.9"
# What a visitor sends to be taken for somebody else, at another host and place.
LIES = {
    "X-Forwarded-For": "6.6.6.6, 127.0.0.1",
    "X-Real-IP": "6.6.6.6",
    "Forwarded": "for=6.6.6.6;proto=https;host=evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "1",
    "SCRIPT_NAME": "/x",
    "PATH_INFO": "/admin",
    "REMOTE_ADDR": "6.6.6.6",
}
APP = '''
import json
def wsgi(environ, start):
    seen = {"address": environ["REMOTE_ADDR"], "scheme": environ["wsgi.url_scheme"], "host": environ["HTTP_HOST"],
            "path": environ["SCRIPT_NAME"] + environ["PATH_INFO"]}
    start("200 OK", [])
    return [json.dumps(seen).encode()]
async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    seen = {"address": scope["client"][0], "scheme": scope["scheme"], "path": scope["path"],
            "host": dict(scope["headers"])[b"host"].decode()}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
'''  # fmt: skip


class Hop(ThreadingHTTPServer):
    """A proxy that appends an address to X-Forwarded-For, and names a scheme where none is named, as kamal-proxy and Cloudflare do."""

    def __init__(self, to: int, appends: str, scheme: str = "") -> None:
        self.to, self.appends, self.scheme = to, appends, scheme
        super().__init__(("127.0.0.1", 0), Passing)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self.shutdown()
        self.server_close()


class Passing(BaseHTTPRequestHandler):
    """One request on its way."""

    server: Hop

    def do_GET(self) -> None:
        """Pass it on."""
        headers = dict(self.headers.items())
        before = headers.get("X-Forwarded-For")
        headers["X-Forwarded-For"] = f"{before}, {self.server.appends}" if before else self.server.appends
        if self.server.scheme:
            headers["X-Forwarded-Proto"] = self.server.scheme
        status, body = ask(self.server.to, headers)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def ask(port: int, headers: dict[str, str]) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.putrequest("GET", "/p", skip_host=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()


def start_of(server: str, version: str) -> Start:
    """Return the start of an app that has that version of a server locked."""
    locked = Dependencies("uv", bounds={server: f"=={version}"})
    return gunicorn("app:wsgi", locked) if server == "gunicorn" else uvicorn("app:asgi", locked)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function that installs a version of a server, once."""
    made: dict[str, Path] = {}

    def install(server: str, version: str) -> Path:
        wanted = f"{server}=={version}"
        if wanted not in made:
            made[wanted] = tmp_path_factory.mktemp(server)
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, f"--target={made[wanted]}", wanted], check=True)
            (made[wanted] / "app.py").write_text(APP)
        return made[wanted]

    return install


@contextmanager
def running(start: Start, at: Path, network: str = "127.0.0.0/8") -> Iterator[int]:
    """Have an app run as in its container, and yield its port; kamal-proxy's network is loopback's here, unless said otherwise."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = int(free.getsockname()[1])
    proxy = {PROXY_NETWORK: network, PROXY_ADDRESSES: network.replace("127.0.0.0/8", "127.0.0.1")}
    environment = {"PATH": f"{at}/bin:{os.environ['PATH']}", "PYTHONPATH": str(at), "PORT": str(port), **proxy}
    with (at / "log").open("wb") as log:
        process = subprocess.Popen(start.argv, cwd=at, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                ask(port, {"Host": "shop.example"})
                break
            except OSError:
                assert process.poll() is None, (at / "log").read_text()
                assert time.monotonic() < deadline, (at / "log").read_text()
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def seen(port: int, headers: dict[str, str], *hops: tuple[str, str]) -> dict[str, str]:
    """Return what an app sees of a visitor who sends these headers; hops from the visitor to the app, with what each appends."""
    made: list[Hop] = []
    try:
        for appends, scheme in reversed(hops):
            made.append(Hop(made[-1].server_port if made else port, appends, scheme))
        status, body = ask(made[-1].server_port, {"Host": "shop.example", **headers})
        assert status == 200, body
        return dict(json.loads(body))
    finally:
        for hop in made:
            hop.close()


ONE = [(VISITOR, "https")]
TWO = [
    (VISITOR, "https"),
    ("127.0.0.1", ""),
]  # Cloudflare's edge, then kamal-proxy, which sees the tunnel's end on this server


@pytest.mark.parametrize("version", ["0.30.6", "0.31.0"])
def test_uvicorn(installed: Any, version: str) -> None:
    at = installed("uvicorn", version)
    with running(start_of("uvicorn", version), at) as port:
        for hops in (ONE, TWO):
            for headers in ({}, LIES):
                found = seen(port, headers, *hops)
                assert found == {"address": VISITOR, "scheme": "https", "host": "shop.example", "path": "/p"}
    with running(start_of("uvicorn", version), at, network="10.9.9.9") as port:
        found = seen(port, LIES, *ONE)
        assert found == {"address": "127.0.0.1", "scheme": "http", "host": "shop.example", "path": "/p"}


@pytest.mark.parametrize("version", ["23.0.0", "24.1.1"])
def test_gunicorn(installed: Any, version: str) -> None:
    at = installed("gunicorn", version)
    with running(start_of("gunicorn", version), at) as port:
        for hops in (ONE, TWO):
            for headers in ({}, LIES):
                found = seen(port, headers, *hops)
                assert found == {"address": "127.0.0.1", "scheme": "https", "host": "shop.example", "path": "/p"}
    if version != "23.0.0":  # which takes the scheme from everybody
        with running(start_of("gunicorn", version), at, network="10.9.9.9") as port:
            assert seen(port, LIES, *ONE)["scheme"] == "http"
