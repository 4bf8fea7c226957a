"""A signed repository of our own: apt takes the package from it over TLS, and refuses it with another key. Nothing of this machine changes."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.apt_repository import Repository, SigningKey
from tests.doubles.certificates import Authority
from tests.doubles.cloudflared.package import cloudflared_package
from tests.doubles.serve import HttpsDouble

pytestmark = pytest.mark.skipif(
    not all(shutil.which(program) for program in ("apt-get", "dpkg-deb", "gpg")), reason="needs apt, dpkg-deb and gpg"
)
PREFIX = "/cloudflared"


@pytest.fixture
def key() -> Iterator[SigningKey]:
    with SigningKey() as made:
        yield made


@pytest.fixture
def repository(key: SigningKey, authority: Authority, tmp_path: Path) -> Iterator[HttpsDouble]:
    made = Repository(tmp_path / "repository", key, origin="cloudflared")
    made.publish([cloudflared_package("amd64"), cloudflared_package("arm64"), cloudflared_package("amd64", "2025.2.1")])
    with HttpsDouble(made.answer(PREFIX), authority.server_context("127.0.0.1")) as served:
        yield served


class Apt:
    """apt with folders of its own."""

    def __init__(self, folder: Path, url: str, key: bytes, authority: Authority) -> None:
        self.folder = folder
        for name in ("etc/apt/sources.list.d", "state/lists/partial", "cache/archives/partial", "out"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        keyring = folder / "key.gpg"
        keyring.write_bytes(key)
        line = f"deb [arch=amd64 signed-by={keyring}] {url}{PREFIX} any main\n"
        (folder / "etc/apt/sources.list").write_text(line, encoding="utf-8")
        options = {
            "Dir": f"{folder}/",
            "Dir::Etc": f"{folder}/etc/apt",
            "Dir::State": f"{folder}/state",
            "Dir::State::status": f"{folder}/status",
            "Dir::Cache": f"{folder}/cache",
            "Dir::Bin::methods": "/usr/lib/apt/methods",
            "APT::Architecture": "amd64",
            "APT::Architectures": "amd64",
            "APT::Sandbox::User": "",
            "Acquire::https::CaInfo": str(authority.write(folder / "ca.pem")),
            "Acquire::https::Proxy": "DIRECT",
            "Acquire::Languages": "none",
            "Debug::NoLocking": "true",
        }
        # This file is all that apt reads: the machine's own settings are not.
        configuration = folder / "apt.conf"
        configuration.write_text("".join(f'{name} "{value}";\n' for name, value in options.items()), encoding="utf-8")
        self.environment = os.environ | {"APT_CONFIG": str(configuration), "LC_ALL": "C.UTF-8"}

    def __call__(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            ["apt-get", *arguments],
            cwd=self.folder / "out",
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


def test_apt_verifies_and_downloads_the_package(
    key: SigningKey, repository: HttpsDouble, authority: Authority, tmp_path: Path
) -> None:
    apt = Apt(tmp_path / "apt", repository.url, key.public, authority)
    status, text = apt("update", "--error-on=any")
    assert status == 0, text
    status, text = apt("download", "cloudflared")
    assert status == 0, text
    (package,) = (tmp_path / "apt/out").iterdir()
    assert package.name == "cloudflared_2026.8.2_amd64.deb"
    subprocess.run(["dpkg-deb", "-x", str(package), str(tmp_path / "root")], check=True)
    ran = subprocess.run(
        [tmp_path / "root/usr/bin/cloudflared", "--version"], capture_output=True, check=True, text=True
    )
    assert ran.stdout.startswith("cloudflared version 2026.8.2 ")
    assert package.stat().st_size < 20_000


def test_apt_refuses_another_key_and_a_changed_package(
    key: SigningKey, repository: HttpsDouble, authority: Authority, tmp_path: Path
) -> None:
    with SigningKey("somebody else") as other:
        apt = Apt(tmp_path / "other", repository.url, other.public, authority)
        assert apt("update", "--error-on=any")[0] != 0
    apt = Apt(tmp_path / "apt", repository.url, key.public, authority)
    assert apt("update", "--error-on=any")[0] == 0
    package = tmp_path / "repository/pool/main/cloudflared_2026.8.2_amd64.deb"
    package.write_bytes(package.read_bytes()[:-1] + b"x")
    assert apt("download", "cloudflared")[0] != 0
