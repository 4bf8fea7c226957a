"""Where the host's own settings send builds: the registries and proxies that its pip, npm and proxy settings name. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from deployhost.build.host_settings import proxy_variables

DEFAULTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080, "socks4": 1080, "ftp": 21}
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"]+", re.IGNORECASE)
_LINE = re.compile(r"(?:^|\s)//([^\s/=]+)/")  # npmrc names a registry in a key without its scheme


def endpoints(environ: Mapping[str, str], texts: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Return the hosts and ports in an environment's proxy variables and in the texts of pip.conf and npmrc, each once."""
    found = dict.fromkeys((*_of_variables(environ), *(one for text in texts for one in _of_text(text))))
    return tuple(found)


def _of_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    for name in proxy_variables(environ):
        if name.upper() != "NO_PROXY":
            value = environ[name]
            yield from _of_url(value if "://" in value else f"http://{value}")


def _of_text(text: str) -> Iterator[tuple[str, int]]:
    for url in _URL.findall(text):
        yield from _of_url(url)
    for host in _LINE.findall(text):
        yield from _of_url(f"https://{host}")


def _of_url(url: str) -> Iterator[tuple[str, int]]:
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULTS.get(parts.scheme.lower())
    except ValueError:
        return  # neither pip nor npm could read it either
    if parts.hostname and port:
        yield parts.hostname, port
