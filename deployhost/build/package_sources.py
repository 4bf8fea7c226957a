"""Where Debian's packages and npm's tarballs come from, and which version. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from deployhost.build.stand_in_plan import SUITES

NPM_OF_NODE = {18: 10, 20: 10, 22: 10, 24: 11, 25: 11}  # what nodejs.org ships with each; a newer node takes the latest
DEBIAN = "http://deb.debian.org/debian"
SECURITY = f"{DEBIAN}-security"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

_SOURCE = re.compile(r"^\s*deb\s+(?:\[[^\]]*\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)", re.MULTILINE)
_FIELD = re.compile(r"^(?P<key>URIs|Suites):\s*(?P<value>.+)$", re.MULTILINE)
_RELEASE = re.compile(r"\d+\.\d+\.\d+")


def sources(suite: str, mirror: str, security: str) -> list[str]:
    """Return the lines of a suite's sources.list."""
    signed = f"[signed-by={KEYRING}]"
    return [
        f"deb {signed} {mirror} {suite} main",
        f"deb {signed} {mirror} {suite}-updates main",
        f"deb {signed} {security} {suite}-security main",
    ]


def debian_mirrors(texts: list[str]) -> tuple[str, str]:
    """Return the mirrors of Debian and of its security updates that a host's apt sources use.

    Where the host is not Debian, or says nothing of them, they are Debian's own.
    """
    entries = [(uri.rstrip("/"), suite.partition("/")[0]) for uri, suite in _entries(texts) if uri.startswith("http")]
    # Other projects' repositories name their suites as Debian does, but only Debian's mirrors have updates beside them.
    mains = [uri for uri, suite in entries if suite in SUITES and (uri, f"{suite}-updates") in entries]
    securities = [uri for uri, suite in entries if suite.removesuffix("-security") in SUITES and suite not in SUITES]
    return mains[0] if mains else DEBIAN, securities[0] if securities else SECURITY


def npm_of(node: str) -> str:
    """Return the npm that belongs to a node version: a major version, or "" for the latest."""
    major = NPM_OF_NODE.get(int(node.partition(".")[0]))
    return "" if major is None else str(major)


def newest(metadata: Mapping[str, Any], wanted: str) -> str:
    """Return the newest release in npm's metadata of a package whose version begins so ("24", "24.9", "" for the latest), or ""."""
    if not wanted:
        latest = str(metadata.get("dist-tags", {}).get("latest", ""))
        if latest:
            return latest
    found = [
        version
        for version, about in metadata.get("versions", {}).items()
        if _RELEASE.fullmatch(version)
        and not about.get("deprecated")
        and f"{version}.".startswith(f"{wanted}." if wanted else "")
    ]
    return max(found, key=lambda version: tuple(map(int, version.split("."))), default="")


def _entries(texts: list[str]) -> list[tuple[str, str]]:
    """Return each pair of URI and suite of apt sources of either form."""
    found: list[tuple[str, str]] = []
    for text in texts:
        for stanza in re.split(r"\n\s*\n", text):
            fields = {match["key"]: match["value"].split() for match in _FIELD.finditer(stanza)}
            found += [(uri, suite) for uri in fields.get("URIs", ()) for suite in fields.get("Suites", ())]
        found += [(match["uri"], match["suite"]) for match in _SOURCE.finditer(text)]
    return found
