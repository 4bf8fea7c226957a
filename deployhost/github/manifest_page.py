"""A page on 127.0.0.1 that sends a person's browser to GitHub with a manifest, and takes it back with the code for the new App's key.

Whoever reaches the port is not trusted: other users of this machine, pages in a browser that know or guess the port, programs that
send too much or too slowly. The form is at a path that only the printed address has; a code needs the state that was in that form.
"""

import hmac
import html
import http.server
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any, Self

from deployhost.errors import Conflict, DeployhostError, FileProblem, InvalidRequest, ProviderUnavailable
from deployhost.github.connection import GitHubConnection
from deployhost.github.manifest_plan import Returned, returned

PASSES = (ProviderUnavailable, Conflict, FileProblem)  # after one of these, the same code may still do
ADDRESS, CALLBACK = "127.0.0.1", "/callback"
# A name of somebody else that leads here (DNS rebinding) is refused. The port may be one that a person forwards.
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?")
AT_ONCE = 16  # connections
LAST = 2.0  # seconds for answers that are under way when the page closes
PATIENCE = 10.0  # seconds for a request to arrive, and for its answer to be taken
LARGEST = 64 * 1024  # bytes of a request
STYLE = "body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:4em auto;padding:0 1em}button{font:inherit;padding:.5em 1em}"
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Form:
    """What the page's button posts, and to where."""

    action: str
    manifest: str
    owner: str  # as the page names it


class ManifestPage:
    """Listens until it is closed. `form` is asked for each time that the page is opened; `finish` fetches the new App's key."""

    def __init__(
        self, form: Callable[[int], Form], finish: Callable[[Returned], GitHubConnection], *, secret: str, port: int = 0
    ) -> None:
        """Listen on 127.0.0.1 at a port (0: any that is free). Raise Conflict if it is taken."""
        try:
            self._server = _Server((ADDRESS, port), _handler(self))
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise Conflict(f"can't listen on {ADDRESS}:{port}: {why}", hint="ss -ltnp") from error
        self._form, self._finish, self._secret = form, finish, secret
        self._made: tuple[Returned, GitHubConnection] | None = None
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="manifest page", daemon=True)

    @property
    def url(self) -> str:
        """Return the address for the person's browser."""
        return f"http://{ADDRESS}:{self.port}/{self._secret}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes who waits for connections, who would look up only later
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.finish(LAST)

    def answer(self, target: str, host: str) -> tuple[int, str]:
        """Return the status and the page for a GET; `host` is the request's Host."""
        if not LOOPBACK.fullmatch(host):
            return 421, _page("Not here", "<p>This address is for the person who sets the server up.</p>")
        path = target.partition("?")[0]
        if hmac.compare_digest(path.encode("utf-8", "replace"), f"/{self._secret}".encode()):
            return 200, self._start()
        if path == CALLBACK:
            return self._back(target)
        return 404, _page("Not found", "<p>Open the whole address that the terminal shows.</p>")

    def _start(self) -> str:
        form = self._form(self.port)
        return _page(
            "Connect this server to GitHub",
            f"<p>GitHub shows what the App may do and asks for its name. It will belong to {html.escape(form.owner)}, "
            "and only repositories that you choose afterwards can be read.</p>"
            f'<form method="post" action="{html.escape(form.action)}">'
            f'<input type="hidden" name="manifest" value="{html.escape(form.manifest)}">'
            '<button type="submit">Continue on GitHub</button></form>',
        )

    def _back(self, target: str) -> tuple[int, str]:
        back = returned(target)
        if back is None:
            return 400, _page("Something is missing", "<p>This address has no code and state of GitHub's in it.</p>")
        try:
            made = self._once(back)
        except DeployhostError as error:
            again = "<p>Reload this page to try again.</p>" if isinstance(error, PASSES) else ""
            status = 403 if isinstance(error, InvalidRequest) else 502
            details = "".join(f"<p>{html.escape(line)}</p>" for line in error.details)
            return status, _page("That did not work", f"<p>{html.escape(error.message)}.</p>{details}{again}")
        link = html.escape(made.install_page)
        return 200, _page(
            "The App is made",
            f"<p>This server has the key of {html.escape(made.slug)}. Now choose the repositories that it may read:</p>"
            f'<p><a href="{link}">Install the App</a></p><p>The terminal shows when this is done.</p>',
        )

    def _once(self, back: Returned) -> GitHubConnection:
        """Return the App that was made; browsers load a page twice, and reload it."""
        if self._made is None or self._made[0] != back:
            self._made = back, self._finish(back)
        return self._made[1]


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Answers a bounded number of connections at once; one more is closed."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        self._free = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(address, handler)

    def finish(self, seconds: float) -> None:
        """Wait for the answers that are under way."""
        end = time.monotonic() + seconds
        for _ in range(AT_ONCE):
            if not self._free.acquire(timeout=max(0.0, end - time.monotonic())):
                return

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        ender = threading.Timer(PATIENCE, _end, (request,))  # however slowly it comes, byte by byte
        ender.daemon = True
        ender.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            ender.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a connection that breaks is the other side's business."""


def _end(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RD)  # the answer to what has come may still go out
    except OSError:
        return


class _Bounded:
    """The first LARGEST bytes of what the other side sends."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self._left = LARGEST

    def readline(self, limit: int = -1) -> bytes:
        line = self._file.readline(min(limit if limit >= 0 else LARGEST, self._left))
        self._left -= len(line)
        return line

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return self._file.closed


def _handler(page: ManifestPage) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers GET; what else comes is refused without reading its body."""

        timeout = PATIENCE
        server_version, sys_version = "deployhost", ""

        def setup(self) -> None:
            super().setup()
            self.rfile = _Bounded(self.rfile)  # type: ignore[assignment]

        def do_GET(self) -> None:
            status, text = page.answer(self.path, self.headers.get("Host", ""))
            data = text.encode("utf-8", "replace")
            self.send_response(status)
            for name, value in {**HEADERS, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_what: object) -> None:
            """Keep nothing: the address has the code in it."""

    return Handler


def _page(title: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1>{content}</body></html>\n"
    )
