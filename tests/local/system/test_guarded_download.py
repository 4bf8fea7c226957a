"""Downloads whose every connection is checked, against servers on loopback that would lead elsewhere."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployhost.errors import CommandStopped, DownloadFailed
from deployhost.system.guarded_download import GuardedDownload
from deployhost.system.stop import Stop

FORBIDDEN = "127.0.0.2"


class Handler(BaseHTTPRequestHandler):
    """Answers by the path; notes what was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Host"]))  # type: ignore[attr-defined]
        _, kind, *rest = self.path.split("/", 2)
        if kind == "to":
            self._answer(302, location=rest[0])
        elif kind == "loop":
            self._answer(301, location="/loop")
        elif kind == "status":
            self._answer(int(rest[0]))
        elif kind == "drip":
            self._answer(200, length=10**6)
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(b"x")
                    time.sleep(0.01)
        elif kind == "short":
            self._answer(200, length=100)
            self.close_connection = True
        else:
            self._answer(200, b"content", modified="Tue, 01 Jan 2019 00:00:00 GMT")

    def _answer(
        self, code: int, body: bytes = b"", length: int | None = None, location: str = "", modified: str = ""
    ) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (("Location", location), ("Last-Modified", modified)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), Handler)
        self.asked: list[tuple[str, str]] = []
        self.url = f"http://{address}:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@contextlib.contextmanager
def serving(address: str) -> Iterator[Server]:
    server = Server(address)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def public() -> Iterator[Server]:
    with serving("127.0.0.1") as server:
        yield server


@pytest.fixture
def inner() -> Iterator[Server]:
    with serving(FORBIDDEN) as server:
        yield server


def refuse(address: str) -> str:
    """Only 127.0.0.1 is public in these tests."""
    return "" if address == "127.0.0.1" else "of this test"


def get(url: str, tmp_path: Path, environ: dict[str, str] | None = None, **more: object) -> bytes:
    GuardedDownload(environ or {}, **more).to_file(url, tmp_path / "file", refuse)  # type: ignore[arg-type]
    return (tmp_path / "file").read_bytes()


def test_a_file_with_its_date(public: Server, tmp_path: Path) -> None:
    got = GuardedDownload({}).to_file(f"{public.url}/a?b#c", tmp_path / "file", refuse)
    assert ((tmp_path / "file").read_bytes(), got.size, got.modified) == (b"content", 7, 1546300800)
    assert public.asked == [("/a?b", public.url.removeprefix("http://"))]


def test_redirects_are_followed(public: Server, tmp_path: Path) -> None:
    assert get(f"{public.url}/to/{public.url}/b", tmp_path) == b"content"
    with pytest.raises(DownloadFailed, match="more than 10 redirects"):
        get(f"{public.url}/loop", tmp_path)
    assert len(public.asked) == 2 + 11


@pytest.mark.parametrize(
    "where", ["{inner}/a", "//{host}/a", "http://127.2:{port}/", "http://2130706434:{port}/", "http://0x7f.2:{port}/"]
)
def test_a_redirect_to_an_address_that_is_refused(public: Server, inner: Server, tmp_path: Path, where: str) -> None:
    target = where.format(inner=inner.url, host=inner.url.removeprefix("http://"), port=inner.server_port)
    for url in (f"{public.url}/to/{target}", target if target.startswith("http") else f"http:{target}"):
        with pytest.raises(DownloadFailed, match=r"127\.0\.0\.2 is not fetched from"):
            get(url, tmp_path)
    assert inner.asked == []
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://a/b", "gopher://a", "https:///x"])
def test_a_redirect_to_something_else(public: Server, tmp_path: Path, where: str) -> None:
    with pytest.raises(DownloadFailed, match="is not an http or https address"):
        get(f"{public.url}/to/{where}", tmp_path)


def test_a_name_that_changes_its_answer(
    public: Server, inner: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second answer of a name server that rebinds is never asked for: the connection goes to what was checked."""
    answers = iter(["127.0.0.1", FORBIDDEN, FORBIDDEN])
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *more: object, **named: object) -> object:
        return real(next(answers) if host == "rebind.test" else host, port, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert get(f"http://rebind.test:{public.server_port}/x", tmp_path) == b"content"
    assert public.asked == [("/x", f"rebind.test:{public.server_port}")]
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.2"):
        get(f"http://rebind.test:{inner.server_port}/x", tmp_path)
    assert inner.asked == []


def test_a_name_with_one_good_address_and_one_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("127.0.0.1", FORBIDDEN)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_b: both)
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.2"):
        get("http://both.test/", tmp_path)


@pytest.mark.parametrize(
    ("path", "why"), [("status/404", "HTTP 404"), ("short", "broke off"), ("status/304", "HTTP 304")]
)
def test_failures(public: Server, tmp_path: Path, path: str, why: str) -> None:
    with pytest.raises(DownloadFailed, match=why):
        get(f"{public.url}/{path}", tmp_path)


def test_bounds_of_size_and_time(public: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="larger than 3 bytes"):
        get(f"{public.url}/a", tmp_path, largest=3)
    with pytest.raises(DownloadFailed, match="can't be fetched: "):
        get(f"{public.url}/drip", tmp_path, longest=0.3)


def test_a_wish_to_stop_ends_it_at_once(public: Server, tmp_path: Path) -> None:
    stop = Stop()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(CommandStopped):
        GuardedDownload({}).to_file(f"{public.url}/drip", tmp_path / "file", refuse, stop)


@pytest.mark.parametrize("call", ["getaddrinfo", "create_connection"])
def test_nobody_that_answers_late_delays_a_wish_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A name server of the attacker's own, or an address from which no answer comes, held a cancelled deploy for half a minute."""
    stop, answers = Stop(), threading.Event()

    def late(*_arguments: object, **_named: object) -> None:
        stop.set()
        answers.wait(30)
        raise OSError("at last")

    monkeypatch.setattr(socket, call, late)
    with pytest.raises(CommandStopped):
        GuardedDownload({}).to_file("http://192.0.2.1/a", tmp_path / "file", lambda _: "", stop)
    answers.set()


def test_through_a_proxy_an_address_is_checked_as_far_as_it_is_known_here(public: Server, tmp_path: Path) -> None:
    environ = {"http_proxy": public.url, "no_proxy": "direct.test"}
    assert get("http://nowhere.invalid/a", tmp_path, environ) == b"content"
    assert public.asked == [("http://nowhere.invalid/a", "nowhere.invalid")]
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.2"):
        get(f"http://{FORBIDDEN}/a", tmp_path, environ)
    with pytest.raises(DownloadFailed, match="can't be fetched"):
        get("http://direct.test/a", tmp_path, environ)
