"""A registry that sends an image's layer a byte at a time: no silence, and no end."""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{'1' * 64}"]},
        "history": [{}],
    }
).encode()
LAYER = f"sha256:{'2' * 64}"
SIZE = 1_000_000_000
PAUSE = 0.2  # seconds between two bytes


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


IMAGE = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(CONFIG),
            "digest": _digest(CONFIG),
        },
        "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": SIZE, "digest": LAYER}],
    }
).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        if self.path.rstrip("/") == "/v2":
            self._send(b"{}", "application/json", body=body)
        elif "/manifests/" in self.path:
            self._send(IMAGE, MANIFEST, body=body)
        elif self.path.endswith(_digest(CONFIG)):
            self._send(CONFIG, "application/octet-stream", body=body)
        else:
            self._trickle()

    def _send(self, content: bytes, kind: str, *, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", _digest(content))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _trickle(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(SIZE))
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"\x1f")
                self.wfile.flush()
                time.sleep(PAUSE)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing about each request."""


class TricklingRegistry:
    """Serves such an image under every name, at a port on loopback."""

    def __init__(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
