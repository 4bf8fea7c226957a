"""Keeps entries in /storage/app.db: POST /entries stores its body and answers "stored <body>", GET /entries lists them all.

/ answers the version, /add counts, /slow?s=25 answers after 25 s; /stream, /events and /socket send something every
200 ms: a chunked body, server-sent events, websocket messages.
"""

import base64
import hashlib
import itertools
import os
import signal
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

VERSION = (Path(__file__).parent / "version.txt").read_text().strip()
FILE = "/storage/app.db"
EVERY = 0.2  # seconds
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


class Database:
    """One connection for the whole process, as small apps have it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(FILE, timeout=20, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
        self._connection.execute("CREATE TABLE IF NOT EXISTS entries (name TEXT NOT NULL, version TEXT NOT NULL)")

    def ask(self, statement: str, *values: str) -> list[tuple]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def add(self) -> int:
        upsert = "INSERT INTO counter VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET n = n + 1 RETURNING n"
        return int(self.ask(upsert)[0][0])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_POST(self) -> None:
        name = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        database.ask("INSERT INTO entries VALUES (?, ?)", name, VERSION)
        self._answer(f"stored {name}\n")

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        lasting = {"/stream": self._stream, "/events": self._events, "/socket": self._socket}.get(url.path)
        if lasting is not None:
            self.close_connection = True
            lasting()
        elif url.path == "/slow":
            time.sleep(float(parse_qs(url.query)["s"][0]))
            self._answer(f"slow {VERSION}\n")
        elif url.path == "/entries":
            self._answer("".join(f"{name}\n" for (name,) in database.ask("SELECT name FROM entries")))
        elif url.path == "/check":
            self._answer(f"{database.ask('PRAGMA integrity_check')[0][0]}\n")
        elif url.path == "/add":
            self._answer(f"count {database.add()}\n")
        else:
            self._answer(f"sqlite {VERSION}\n")

    def _answer(self, body: str) -> None:
        content = body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        for number in itertools.count():
            self._send(b"%x\r\n%s\r\n" % (len(line := f"{VERSION} {number}\n".encode()), line))

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in itertools.count():
            self._send(f"data: {VERSION} {number}\n\n".encode())

    def _socket(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + WEBSOCKET
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        for number in itertools.count():
            self._send(bytes((0x81, len(text := f"{VERSION} {number}".encode()))) + text)

    def _send(self, part: bytes) -> None:
        self.wfile.write(part)
        self.wfile.flush()
        time.sleep(EVERY)

    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # a visitor who has left

    def log_message(self, *_: object) -> None:
        """Say nothing about each request."""


class Server(ThreadingHTTPServer):
    # As Node's. When 11 s of held requests are let go at once on a busy machine, 128 places overflow, and SYN cookies (tcp(7)) then reset
    # connections that send more than one packet: POSTs fail, by the app's kernel and not by the deploy.
    request_queue_size = 511


database = Database()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(f"sqlite {VERSION} as user {os.getuid()}", flush=True)
Server(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
