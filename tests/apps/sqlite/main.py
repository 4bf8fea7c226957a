"""Adds one to a counter in /storage/app.db at each GET of /add and answers it; / answers the version."""

import os
import signal
import sqlite3
import sys
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = (Path(__file__).parent / "version.txt").read_text().strip()
FILE = "/storage/app.db"


def connect() -> sqlite3.Connection:
    return sqlite3.connect(FILE, timeout=20, isolation_level=None)


def add() -> int:
    with closing(connect()) as db:
        row = db.execute(
            "INSERT INTO counter VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1 RETURNING n"
        ).fetchone()
    return int(row[0])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self) -> None:
        body = f"count {add()}\n" if self.path == "/add" else f"sqlite {VERSION}\n"
        content = body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing about each request."""


with closing(connect()) as db:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(f"sqlite {VERSION} as user {os.getuid()}", flush=True)
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
