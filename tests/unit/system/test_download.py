"""Downloads from a registry on loopback: what is whole is kept, what is not is refused."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deployhost.errors import DownloadFailed, FileProblem
from deployhost.system import download

CONTENT = b"a tarball" * 1000
INTEGRITY = "sha512-" + base64.b64encode(hashlib.sha512(CONTENT).digest()).decode()


class Registry(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        answers = {"/x.tgz": CONTENT, "/json": b'{"a": 1}', "/list": b"[1]", "/html": b"<html>", "/short": CONTENT}
        found = answers.get(self.path)
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Length", str(len(found or b"") + (5 if self.path == "/short" else 0)))
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_is_whole_is_kept(registry: str, tmp_path: Path) -> None:
    download.to_file(f"{registry}/x.tgz", tmp_path / "x", sha512=INTEGRITY)
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_what_is_something_else_is_removed(registry: str, tmp_path: Path) -> None:
    for integrity in ("sha512-AAAA", ""):
        with pytest.raises(DownloadFailed, match="not what the registry says"):
            download.to_file(f"{registry}/x.tgz", tmp_path / "x", sha512=integrity)
        assert not (tmp_path / "x").exists()


def test_what_breaks_off_is_refused(registry: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed):
        download.to_file(f"{registry}/short", tmp_path / "x", sha512=INTEGRITY.replace("A", "B"))


def test_what_is_not_there(registry: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="HTTP 404"):
        download.to_file(f"{registry}/none", tmp_path / "x", sha512=INTEGRITY)
    with pytest.raises(DownloadFailed, match="can't be fetched"):
        download.get_json("http://127.0.0.1:9/")
    with pytest.raises(DownloadFailed, match="not an http or https"):
        download.get_json("file:///etc/passwd")


def test_a_directory_that_is_not_there(registry: str, tmp_path: Path) -> None:
    with pytest.raises(FileProblem):
        download.to_file(f"{registry}/x.tgz", tmp_path / "none/x", sha512=INTEGRITY)


def test_json(registry: str) -> None:
    assert download.get_json(f"{registry}/json") == {"a": 1}
    for path in ("list", "html"):
        with pytest.raises(DownloadFailed, match="JSON"):
            download.get_json(f"{registry}/{path}")
