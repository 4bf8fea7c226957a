"""The package of cloudflared's double, as Cloudflare's own installs itself: /usr/bin/cloudflared and no service."""

import re
from pathlib import Path

from tests.doubles.apt_repository import InstalledFile, Package

PROGRAM = Path(__file__).with_name("cloudflared.py")
VERSION = "2026.8.2"
# cloudflared's postinst.sh and postrm.sh (2026.8).
POSTINST = """#!/bin/sh
set -eu
ln -sf /usr/bin/cloudflared /usr/local/bin/cloudflared
mkdir -p /usr/local/etc/cloudflared/
touch /usr/local/etc/cloudflared/.installedFromPackageManager || true
"""
POSTRM = """#!/bin/sh
set -eu
rm -f /usr/local/bin/cloudflared
rm -f /usr/local/etc/cloudflared/.installedFromPackageManager
"""


def program(version: str = VERSION) -> bytes:
    """Return the program as it says that version and has its flags."""
    text, replaced = re.subn(
        r'^VERSION = ".*"$', f'VERSION = "{version}"', PROGRAM.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert replaced == 1
    return text.encode()


def cloudflared_package(architecture: str, version: str = VERSION) -> Package:
    """Return the package for an architecture, as dpkg calls it."""
    return Package(
        name="cloudflared",
        version=version,
        architecture=architecture,
        files=[InstalledFile("/usr/bin/cloudflared", program(version), 0o755)],
        depends="python3 (>= 3.11)",
        description="Cloudflare Tunnel daemon (a double, for tests)",
        scripts={"postinst": POSTINST, "postrm": POSTRM},
    )
