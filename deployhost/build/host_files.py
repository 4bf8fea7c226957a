"""The files in which a host keeps its pip, npm and certificate settings, read for host_settings.py."""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from deployhost.build.host_endpoints import endpoints
from deployhost.build.host_settings import npmrc, pip_conf
from deployhost.build.stand_in_plan import CA_BUNDLE

# RHEL's path too: a bundle given by SSL_CERT_FILE comes first in any case.
_CA_FILES = (CA_BUNDLE, "/etc/pki/tls/certs/ca-bundle.crt")


def host_environment(environ: Mapping[str, str], file: Path = Path("/etc/environment")) -> dict[str, str]:
    """Return our own environment with what the host sets for all of its sessions below it.

    A service is not a session (pam_env(8)), so a proxy or an index that is set there would not reach builds otherwise.
    """
    found: dict[str, str] = {}
    for text in _texts([file]):
        for line in text.splitlines():
            name, sign, value = line.strip().removeprefix("export ").partition("=")
            if sign and name.isidentifier():
                found[name] = value.strip().strip("\"'")
    return found | dict(environ)


def host_pip_conf(environ: Mapping[str, str], home: Path, *, credentials: bool) -> str:
    """Return the pip.conf for builds, or "" where the host has no such settings; `credentials` are lent with it or not."""
    files = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf")]
    files += [home / ".pip/pip.conf", home / ".config/pip/pip.conf"]
    if environ.get("PIP_CONFIG_FILE"):
        files.append(Path(environ["PIP_CONFIG_FILE"]))
    return pip_conf(_texts(files), environ, credentials=credentials)


def host_npmrc(environ: Mapping[str, str], home: Path, *, credentials: bool) -> str:
    """Return the npmrc for builds, or "" where the host has no such settings; `credentials` are lent with it or not."""
    user = environ.get("NPM_CONFIG_USERCONFIG") or environ.get("npm_config_userconfig") or home / ".npmrc"
    files = (Path("/usr/etc/npmrc"), Path("/usr/local/etc/npmrc"), Path("/etc/npmrc"), Path(user))
    return npmrc(_texts(files), environ, credentials=credentials)


def host_ca_bundle(environ: Mapping[str, str]) -> Path | None:
    """Return the file of the certificate authorities that the host trusts, or None."""
    candidates = [environ.get("SSL_CERT_FILE", ""), *_CA_FILES]
    return next((Path(name) for name in candidates if name and Path(name).is_file()), None)


def _texts(files: Iterable[Path]) -> list[str]:
    found = []
    for file in files:
        with contextlib.suppress(OSError):
            found.append(file.read_text(encoding="utf-8", errors="replace"))
    return found


def host_endpoints(environ: Mapping[str, str], home: Path, apt: Path = Path("/etc/apt")) -> tuple[tuple[str, int], ...]:
    """Return the hosts and ports of the registries, mirrors and proxies that the host's own settings have builds use."""
    mirrors = _texts([apt / "sources.list", *sorted(apt.glob("sources.list.d/*"))])
    return endpoints(
        environ,
        (host_pip_conf(environ, home, credentials=False), host_npmrc(environ, home, credentials=False), *mirrors),
    )
