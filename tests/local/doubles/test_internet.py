"""The doubles at one address, by their real names."""

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.internet import CA_FILE, KEY_IN_WHEEL, Internet

pytestmark = pytest.mark.skipif(
    not all(shutil.which(program) for program in ("dpkg-deb", "gpg")), reason="needs dpkg-deb and gpg"
)


@pytest.fixture
def internet(tmp_path: Path) -> Iterator[Internet]:
    with Internet(tmp_path / "internet", "127.0.0.1", 0) as made:
        yield made


def ask(internet: Internet, host: str, path: str) -> tuple[int, bytes]:
    context = internet.authority.client_context()
    connection = http.client.HTTPSConnection(host, context=context)
    connection.sock = context.wrap_socket(
        socket.create_connection(("127.0.0.1", internet.port), 5), server_hostname=host
    )
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_every_service_answers_by_its_name(internet: Internet) -> None:
    assert ask(internet, "api.cloudflare.com", "/client/v4/zones")[0] == 400
    assert b"Suite: any" in ask(internet, "pkg.cloudflare.com", "/cloudflared/dists/any/InRelease")[1]
    internet.github.repository("octo/site", {"index.html": "one"})
    assert ask(internet, "github.test", "/octo/site.git/info/refs?service=git-upload-pack")[0] == 401
    account = internet.cloudflare.state.add_account()
    internet.cloudflare.state.add_zone("example.com", account)
    assert ask(internet, "www.example.com", "/")[0] == 530
    internet.check()
    assert internet.hosts("www.example.com").splitlines() == [
        "127.0.0.1 api.cloudflare.com",
        "127.0.0.1 pkg.cloudflare.com",
        "127.0.0.1 github.test",
        "127.0.0.1 www.example.com",
    ]
    files = internet.files()
    assert files[CA_FILE] == internet.authority.pem
    assert json.loads(files["/etc/cloudflared-double.json"])["edge"].startswith("127.0.0.1:")


def test_a_wheels_pinned_key_becomes_the_tests(internet: Internet, tmp_path: Path) -> None:
    wheel = tmp_path / "deployhost-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr("deployhost/__init__.py", "")
        made.writestr(KEY_IN_WHEEL, "Cloudflare's")
        made.writestr("deployhost-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: deployhost\nVersion: 1.0\n")
        made.writestr(
            "deployhost-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        record = f"deployhost/__init__.py,,\n{KEY_IN_WHEEL},sha256=x,12\ndeployhost-1.0.dist-info/RECORD,,\n"
        made.writestr("deployhost-1.0.dist-info/RECORD", record)
    internet.replace_keys(wheel)
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True)
    assert (target / KEY_IN_WHEEL).read_bytes() == internet.key.armored
