"""Downloads from addresses that somebody else chose: every connection goes to an address that was checked, and to no other.

A name is looked up once per connection, all of its addresses are checked, and the connection is made to one of those, so that a
second answer of its name server changes nothing. Redirects are followed one by one, each checked like the first.

Where the environment names a proxy for an address (https_proxy, no_proxy), the proxy connects. Then the address is checked as far as
this host can look it up: a build has the same proxy, so that nothing is reached this way that its own programs could not ask for.
"""

import base64
import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from deployhost.errors import CommandStopped, DownloadFailed
from deployhost.system import files
from deployhost.system.stop import Stop, unless_stopped

SILENCE = 30.0  # seconds
LONGEST = 600.0  # seconds for one file
LARGEST = 1 << 30  # bytes of one file
REDIRECTS = 10  # as Go's client
_CHUNK = 1 << 18
_PORTS = {"http": 80, "https": 443}

Refuse = Callable[[str], str]


@dataclass(frozen=True)
class Downloaded:
    """What was saved: its bytes, and when it was last changed by its server's word (unix seconds, 0 where it does not say)."""

    size: int
    modified: int


@dataclass(frozen=True)
class GuardedDownload:
    """Saves what is at http(s) addresses. `environ` names proxies."""

    environ: Mapping[str, str]
    longest: float = LONGEST
    largest: int = LARGEST

    def to_file(self, url: str, target: Path, refuse: Refuse, stop: Stop | None = None) -> Downloaded:
        """Save what is at an address to a file. `refuse` says why an IP address is not connected to, "" if it may be.

        Raises DownloadFailed, CommandStopped, FileProblem.
        """
        deadline, wished = time.monotonic() + self.longest, stop or Stop()
        try:
            # Neither a look at a name nor a connection that nobody answers can be interrupted.
            return unless_stopped(lambda: self._save(url, target, refuse, wished, deadline), wished, name="download")
        except (OSError, http.client.HTTPException, ValueError) as error:
            if stop is not None and stop.is_set():
                raise CommandStopped(f"fetching {url} was stopped") from error
            raise DownloadFailed(f"{url} can't be fetched: {_reason(error)}") from error

    def _save(self, url: str, target: Path, refuse: Refuse, stop: Stop | None, deadline: float) -> Downloaded:
        here = url
        for _ in range(REDIRECTS + 1):
            parts = _parts(here)
            with self._asked(parts, refuse, stop, deadline) as response:
                if response.status in (301, 302, 303, 307, 308) and response.getheader("Location"):
                    here = urljoin(here, response.getheader("Location") or "")
                    continue
                if not 200 <= response.status < 300:
                    raise DownloadFailed(f"{url} can't be fetched: HTTP {response.status}")
                size = self._written(response, target, url, deadline)
                if stop is not None and stop.is_set():  # a body without a length just ends when its connection does
                    raise CommandStopped(f"fetching {url} was stopped")
                return Downloaded(size, _modified(response.getheader("Last-Modified")))
        raise DownloadFailed(f"{url} can't be fetched: more than {REDIRECTS} redirects")

    @contextlib.contextmanager
    def _asked(
        self, parts: SplitResult, refuse: Refuse, stop: Stop | None, deadline: float
    ) -> Iterator[http.client.HTTPResponse]:
        """Yield the answer to a GET, from a connection of its own that a wish to stop, or the deadline, ends."""
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        proxy = self._proxy(parts.scheme, host)
        with contextlib.ExitStack() as stack:
            sock: socket.socket = stack.enter_context(self._connected(parts, port, proxy, refuse, deadline))
            stack.enter_context(_ended(sock, stop, deadline))
            if parts.scheme == "https":
                if proxy is not None:
                    _tunnelled(sock, host, port, proxy)
                sock = stack.enter_context(ssl.create_default_context().wrap_socket(sock, server_hostname=host))
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            asked = f"http://{_authority(parts)}{path}" if proxy is not None and parts.scheme == "http" else path
            headers = _headers(parts)
            if asked != path and proxy is not None:
                headers |= dict(line.split(": ", 1) for line in _login("Proxy-Authorization", proxy))
            connection = _Connection(host, port, sock)
            connection.request("GET", asked, headers=headers)
            # The socket stays open for as long as the answer does.
            yield stack.enter_context(contextlib.closing(connection.getresponse()))

    def _connected(
        self, parts: SplitResult, port: int, proxy: SplitResult | None, refuse: Refuse, deadline: float
    ) -> socket.socket:
        host = parts.hostname or ""
        addresses = _looked_up(host, port, needed=proxy is None)
        for address in addresses:
            if why := refuse(address):
                raise DownloadFailed(f"{_shown(parts)}: {address} is not fetched from: it is {why}")
        if proxy is None:
            return _opened(addresses, port, deadline)
        return socket.create_connection((proxy.hostname or "", proxy.port or 80), timeout=_left(deadline))

    def _proxy(self, scheme: str, host: str) -> SplitResult | None:
        """Return the proxy for a scheme and host, or None (the variables of curl(1))."""
        found = _variable(self.environ, f"{scheme}_proxy") or _variable(self.environ, "all_proxy")
        outside = [one.strip().lstrip(".").lower() for one in _variable(self.environ, "no_proxy").split(",")]
        lower = host.lower()
        if not found or any(one in ("*", lower) or (one and lower.endswith(f".{one}")) for one in outside):
            return None
        return urlsplit(found if "://" in found else f"http://{found}")

    def _written(self, response: http.client.HTTPResponse, target: Path, url: str, deadline: float) -> int:
        size = 0
        with target.open("wb") as file:
            while chunk := response.read1(_CHUNK):
                size += len(chunk)
                if size > self.largest:
                    raise DownloadFailed(f"{url} is larger than {self.largest} bytes")
                _save_chunk(file.write, chunk, target)
        if time.monotonic() >= deadline:
            raise OSError(f"not within {self.longest:g} s")
        if response.length:
            raise OSError("it broke off")
        return size


class _Connection(http.client.HTTPConnection):
    """A connection over a socket that is there already."""

    def __init__(self, host: str, port: int, sock: socket.socket) -> None:
        super().__init__(host, port)
        self.sock = sock

    def connect(self) -> None:
        """Never connect by name."""
        raise http.client.NotConnected


def _parts(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or any(char.isspace() or ord(char) < 33 for char in url):
        raise DownloadFailed(f"{url} is not an http or https address")
    return parts


def _looked_up(host: str, port: int, *, needed: bool) -> list[str]:
    """Return all addresses of a name; none where it has none here and that is not `needed`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        if needed:
            raise
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _opened(addresses: list[str], port: int, deadline: float) -> socket.socket:
    problem: OSError = OSError("it has no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=_left(deadline))
        except OSError as error:
            problem = error
    raise problem


def _left(deadline: float) -> float:
    return max(0.1, min(SILENCE, deadline - time.monotonic()))


def _tunnelled(sock: socket.socket, host: str, port: int, proxy: SplitResult) -> None:
    """Have a proxy connect to a host (RFC 9110, CONNECT)."""
    name = f"[{host}]" if ":" in host else host
    lines = [f"CONNECT {name}:{port} HTTP/1.1", f"Host: {name}:{port}", *_login("Proxy-Authorization", proxy)]
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    answer = b""
    while b"\r\n\r\n" not in answer and len(answer) < 65536:
        one = sock.recv(1)  # not a byte of what comes behind it
        if not one:
            break
        answer += one
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        raise OSError(f"the proxy refuses it: {answer.partition(bytes((13,)))[0].decode('ascii', 'replace')}")


def _headers(parts: SplitResult) -> dict[str, str]:
    found = {
        "Host": _authority(parts),
        "User-Agent": "deployhost",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    return found | dict(line.split(": ", 1) for line in _login("Authorization", parts))


def _authority(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _login(header: str, parts: SplitResult) -> list[str]:
    if parts.username is None:
        return []
    words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return [f"{header}: Basic {base64.b64encode(words.encode()).decode()}"]


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _save_chunk(write: Callable[[bytes], int], chunk: bytes, target: Path) -> None:
    try:
        write(chunk)
    except OSError as error:
        raise files.problem("write", target, error) from error


def _modified(said: str | None) -> int:
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0, int(parsedate_to_datetime(said or "").timestamp()))
    return 0


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _shown(parts: SplitResult) -> str:
    return f"{parts.scheme}://{_authority(parts)}"


@contextlib.contextmanager
def _ended(sock: socket.socket, stop: Stop | None, deadline: float) -> Iterator[None]:
    """Have a connection end at a wish to stop, or at the deadline: what arrives byte by byte is never silent."""
    with sock.dup() as same, contextlib.ExitStack() as stack:  # TLS takes the socket itself over
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), lambda: _shut(same))
        timer.daemon = True
        timer.start()
        stack.callback(timer.cancel)
        if stop is not None:
            stack.enter_context(stop.waking(lambda: _shut(same)))
        yield


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
