"""An HTTPS server for doubles of other people's services: it records calls and violations, and fails when it is told to."""

import contextlib
import http.server
import json
import re
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

IDLE_SECONDS = 30.0


@dataclass(frozen=True)
class Call:
    """One request: `path` without the query, headers by lower-case name, the whole body."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    address: str

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters; of one that is repeated the last value."""
        return {name: values[-1] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    def json(self) -> object:
        """Return the body's JSON. Raise Violation if it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Violation(f"the body is not JSON: {self.body[:80]!r}") from error


@dataclass(frozen=True)
class Answer:
    """One response. Content-Length is added unless the headers have it."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_header(self, name: str, value: str) -> "Answer":
        """Return the same response with a further header."""
        return Answer(self.status, self.body, (*self.headers, (name, value)))


def json_answer(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Return a response with a JSON body."""
    return Answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"), *headers))


@dataclass(frozen=True)
class Fault:
    """What goes wrong with calls of a method ("*" for any) whose whole path matches a pattern.

    The first `skip` calls pass, the next `times` (None: all) fail. `done` carries the call out before it fails.
    `drop` closes the connection without an answer, `hang` answers nothing until the client gives up or the server stops,
    `delay` (seconds) waits first. With none of `status`, `drop`, `hang` the call is only delayed.
    """

    method: str
    path: str
    status: int | None = None
    retry_after: int | None = None
    body: bytes | None = None
    drop: bool = False
    hang: bool = False
    delay: float = 0.0
    done: bool = False
    skip: int = 0
    times: int | None = 1

    def matches(self, call: Call) -> bool:
        """Return whether the fault is for this call, were it neither skipped nor used up."""
        return self.method in ("*", call.method) and re.fullmatch(self.path, call.path) is not None

    @property
    def answers(self) -> bool:
        """Whether the call's own answer never arrives."""
        return self.status is not None or self.drop or self.hang


class Violation(Exception):
    """The request is none that the real service knows: the test that made it is wrong, or the program is."""


class Record:
    """What a server saw: calls with their statuses, and violations; and the faults that are still to come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: list[tuple[Call, int]] = []
        self._violations: list[str] = []
        self._faults: list[tuple[Fault, int]] = []

    @property
    def calls(self) -> list[Call]:
        """Every call that arrived whole, in order of the answers; one that got none is there too."""
        with self._lock:
            return [call for call, _ in self._answered]

    @property
    def answered(self) -> list[tuple[Call, int]]:
        """Every call with the status of its answer, 0 for none."""
        with self._lock:
            return list(self._answered)

    @property
    def violations(self) -> list[str]:
        """What was asked that the real service does not know."""
        with self._lock:
            return list(self._violations)

    def forget(self) -> None:
        """Forget calls, violations and faults."""
        with self._lock:
            self._answered.clear()
            self._violations.clear()
            self._faults.clear()

    def fail(self, *faults: Fault) -> None:
        """Let calls fail. Of several faults that match, the first counts."""
        with self._lock:
            self._faults.extend((fault, 0) for fault in faults)

    def mend(self) -> None:
        """Let no call fail any longer."""
        with self._lock:
            self._faults.clear()

    def check(self) -> None:
        """Raise AssertionError if there were violations."""
        assert not self.violations, "\n".join(self.violations)

    def add(self, call: Call, status: int) -> None:
        """Note a call and how it was answered."""
        with self._lock:
            self._answered.append((call, status))

    def violate(self, call: Call, what: str) -> None:
        """Note what is wrong with a call."""
        with self._lock:
            self._violations.append(f"{call.method} {call.path}{'?' if call.query else ''}{call.query}: {what}")

    def fault(self, call: Call) -> Fault | None:
        """Return the fault that this call meets, and count it."""
        with self._lock:
            for index, (fault, seen) in enumerate(self._faults):
                if not fault.matches(call) or (fault.times is not None and seen >= fault.skip + fault.times):
                    continue
                self._faults[index] = (fault, seen + 1)
                return fault if seen >= fault.skip else None
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection to an HttpsDouble."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server: "ThreadedServer"

    def handle_one_request(self) -> None:
        """Serve one request; a connection that broke is over."""
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        # http.server looks for do_GET and so on; every method is served alike.
        if name.startswith("do_"):
            return self.serve
        raise AttributeError(name)

    def serve(self) -> None:
        """Serve a request whose head was read."""
        self.server.double.serve(self)

    def read_body(self) -> bytes:
        """Return the request's whole body."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def write(self, answer: Answer) -> None:
        """Write a whole response."""
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in answer.headers) and answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is http.server's)
        """Write no log."""


class ThreadedServer(http.server.ThreadingHTTPServer):
    """Serves each connection in a thread of its own, TLS handshake included, and ends them all when it stops."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type[Handler], double: "HttpsDouble", context: ssl.SSLContext | None
    ) -> None:
        super().__init__(address, handler)
        self.double = double
        self._context = context
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}

    def server_bind(self) -> None:
        """Bind without asking DNS for the address's name, as HTTPServer would."""
        super(http.server.HTTPServer, self).server_bind()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Do the handshake and serve the connection."""
        assert isinstance(request, socket.socket)
        connection = request
        with self._lock:
            self._open[request] = threading.current_thread()
        try:
            request.settimeout(IDLE_SECONDS)
            if self._context is not None:
                connection = self._context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
                with self._lock:
                    del self._open[request]
                    self._open[connection] = threading.current_thread()
                connection.do_handshake()
            self.finish_request(connection, client_address)
        except OSError:
            pass  # the client went away, or does not trust us
        finally:
            with self._lock:
                self._open.pop(connection, None)
            self.shutdown_request(connection)

    def end_connections(self) -> None:
        """Close what is open and wait for the threads."""
        with self._lock:
            connections = dict(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join(5)


@dataclass
class HttpsDouble:
    """A server that answers every call by one function, over TLS unless there is no context.

    `refusal` makes the answer with a status that a fault asks for, in the shape of the service's own errors.
    """

    answer: Callable[[Call], Answer]
    context: ssl.SSLContext | None
    host: str = "127.0.0.1"
    port: int = 0
    refusal: Callable[[int], Answer] = lambda status: json_answer({"message": f"failed as told: {status}"}, status)
    handler: type[Handler] = Handler
    record: Record = field(default_factory=Record)

    def __post_init__(self) -> None:
        self.stopped = threading.Event()
        self._server = ThreadedServer((self.host, self.port), self.handler, self, self.context)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'http' if self.context is None else 'https'}://{self.host}:{self.port}"

    def stop(self) -> None:
        """Stop listening and end every connection."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.end_connections()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def serve(self, handler: Handler) -> None:
        """Answer one request, or let it fail as the record says."""
        target = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.read_body()
        call = Call(handler.command, target.path, target.query, headers, body, handler.client_address[0])
        fault = self.record.fault(call)
        if fault is None:
            self._write(handler, call, self._answered(call))
        else:
            self._fail(handler, call, fault)

    def _answered(self, call: Call) -> Answer:
        try:
            return self.answer(call)
        except Violation as error:
            self.record.violate(call, str(error))
            return json_answer({"violation": str(error)}, 500)
        except Exception:
            self.record.violate(call, traceback.format_exc())
            return json_answer({"violation": "the double broke"}, 500)

    def _write(self, handler: Handler, call: Call, answer: Answer) -> None:
        self.record.add(call, answer.status)
        handler.write(answer)

    def _fail(self, handler: Handler, call: Call, fault: Fault) -> None:
        if fault.delay and self.stopped.wait(fault.delay):
            handler.close_connection = True
            return
        if not fault.answers:
            self._write(handler, call, self._answered(call))
            return
        if fault.done:
            self._answered(call)
        if fault.status is not None:
            answer = self.refusal(fault.status)
            if fault.body is not None:
                answer = Answer(fault.status, fault.body, (("Content-Type", "application/json"),))
            if fault.retry_after is not None:
                answer = answer.with_header("Retry-After", str(fault.retry_after))
            self._write(handler, call, answer)
            return
        self.record.add(call, 0)
        handler.close_connection = True
        if fault.hang:
            self._wait_until_gone(handler)

    def _wait_until_gone(self, handler: Handler) -> None:
        handler.connection.settimeout(0.1)
        deadline = time.monotonic() + 600
        while not self.stopped.is_set() and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                if not handler.connection.recv(1):
                    return
