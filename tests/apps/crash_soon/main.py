"""Ready at once, and gone a second later, again and again, if its version begins with "crash"; "bad…" answers 500 by then."""

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = (Path(__file__).parent / "version.txt").read_text().strip()
BEGAN = time.monotonic()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(500 if VERSION.startswith("bad") and time.monotonic() - BEGAN > 1 else 200)
        self.end_headers()
        self.wfile.write(f"soon {VERSION}\n".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing about each request."""


if VERSION.startswith("crash"):
    print("the licence has run out", flush=True)
    threading.Timer(1, lambda: os._exit(7)).start()
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
