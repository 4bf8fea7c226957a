"""Nothing but the standard library: quick to build. /slow?s=20 answers after 20 s, /env/NAME shows a variable."""

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

VERSION = (Path(__file__).parent / "version.txt").read_text().strip()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        body = f"stdlib {VERSION}\n"
        if url.path == "/slow":
            seconds = float(parse_qs(url.query)["s"][0])
            print(f"slow begins: {seconds:g} s", flush=True)
            time.sleep(seconds)
            body = f"slow {VERSION}\n"
        elif url.path.startswith("/env/"):
            body = os.environ.get(url.path[5:], "")
        elif url.path.startswith("/say/"):
            print(url.path[5:], flush=True)
        content = body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing about each request."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(f"stdlib {VERSION} starts", flush=True)
Server(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
