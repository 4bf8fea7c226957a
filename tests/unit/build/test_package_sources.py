"""The host's Debian mirrors in both forms of apt's sources, and which release of an npm package."""

from typing import Any

import pytest

from deployhost.build.package_sources import DEBIAN, SECURITY, debian_mirrors, newest, npm_of, sources

DEB822 = """Types: deb
# http://snapshot.debian.org/archive/debian/20250520T000000Z
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main
"""
ONE_LINE = """# a comment
deb http://ftp.example.org/debian/ trixie main contrib
deb [arch=amd64] http://ftp.example.org/debian/ trixie-updates main
deb http://security.example.org/debian-security trixie-security main
deb-src http://src.example.org/debian trixie main
"""
OTHERS = (
    "deb [signed-by=/x.gpg] https://pkgs.tailscale.com/stable/debian bookworm main\n"
    "deb https://download.docker.com/linux/debian bookworm stable\n"
)
UBUNTU = "deb http://archive.ubuntu.com/ubuntu noble main\ndeb http://archive.ubuntu.com/ubuntu noble-updates main\n"
CLOUD = (
    "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: trixie trixie-updates\nComponents: main\n"
)


@pytest.mark.parametrize(
    ("texts", "main", "security"),
    [
        ([DEB822], "http://mirror.example.org/debian", "http://mirror.example.org/debian-security"),
        ([OTHERS, ONE_LINE], "http://ftp.example.org/debian", "http://security.example.org/debian-security"),
        ([OTHERS], DEBIAN, SECURITY),
        ([UBUNTU], DEBIAN, SECURITY),
        ([CLOUD], DEBIAN, SECURITY),
        ([], DEBIAN, SECURITY),
    ],
)
def test_the_mirrors_of_the_host(texts: list[str], main: str, security: str) -> None:
    assert debian_mirrors(texts) == (main, security)


def test_updates_and_security_updates_are_sources_too() -> None:
    assert [line.split()[-2] for line in sources("trixie", DEBIAN, SECURITY)] == [
        "trixie",
        "trixie-updates",
        "trixie-security",
    ]


METADATA: dict[str, Any] = {
    "dist-tags": {"latest": "26.1.0"},
    "versions": {
        "24.9.0": {},
        "24.21.0": {},
        "24.22.0-rc.1": {},
        "24.23.0": {"deprecated": "a slip"},
        "2.4.0": {},
        "26.1.0": {},
        "26.2.0": {},
    },
}


@pytest.mark.parametrize(
    ("wanted", "version"),
    [("24", "24.21.0"), ("24.9", "24.9.0"), ("24.9.0", "24.9.0"), ("2", "2.4.0"), ("", "26.1.0"), ("99", "")],
)
def test_the_newest_release_that_was_asked_for(wanted: str, version: str) -> None:
    assert newest(METADATA, wanted) == version


def test_npm_is_the_one_that_node_ships_with() -> None:
    assert (npm_of("24.21.0"), npm_of("22.1.0"), npm_of("26.0.0")) == ("11", "10", "")
