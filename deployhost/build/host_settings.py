"""What the host's own pip, npm and proxy settings mean for a build: the part that makes sense inside a container. Pure.

Paths of the host (cafile, nodedir, find-links, caches) are left out; indexes, registries and proxies are kept. Who may use what
the host is let in with gets tokens and passwords of indexes and registries too: whoever writes a Dockerfile can read them.
"""

import configparser
import re
from collections.abc import Mapping, Sequence

PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
NPM_REGISTRY = "https://registry.npmjs.org/"

_PIP_KEYS = (
    "index-url",
    "extra-index-url",
    "trusted-host",
    "find-links",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
)
_NPM_KEYS = ("registry", "proxy", "https-proxy", "noproxy", "strict-ssl")
_NPM_SCOPED = re.compile(r"@[^:/\s]+:registry")
_NPM_CREDENTIALS = re.compile(r"//[^\s=]+:(?:_authToken|_auth|username|_password|email|always-auth)")
_NPM_ADDRESS = re.compile(r"(?:@[^:/\s]+:)?registry")
_USER_INFO = re.compile(r"(?<=://)[^/\s]*@")  # to the last @: a password may have one
_INDEXES = ("index-url", "extra-index-url", "find-links")
_NPM_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def proxy_variables(environ: Mapping[str, str]) -> list[str]:
    """Return the names of an environment's proxy variables, in upper and lower case."""
    return [name for upper in PROXY_NAMES for name in (upper, upper.lower()) if environ.get(name)]


def pip_conf(texts: Sequence[str], environ: Mapping[str, str], *, credentials: bool) -> str:
    """Return a pip.conf for builds, or "", from the texts of the host's pip.conf files (the strongest last) and its environment.

    Without `credentials` no index's address has a user or a password.
    """
    values: dict[str, str] = {}
    for text in texts:
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text)
        except configparser.Error:
            continue  # pip itself would complain of it; a build should not end on the host's slip
        for section in ("global", "install"):
            if parser.has_section(section):
                values.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    for key in _PIP_KEYS:
        value = environ.get(f"PIP_{key.upper().replace('-', '_')}")
        if value:
            values[key] = value
    links = [link for link in values.get("find-links", "").split() if link.startswith(("http://", "https://"))]
    values["find-links"] = "\n".join(links)  # those that are directories are the host's
    if not credentials:
        values.update({key: _USER_INFO.sub("", values[key]) for key in _INDEXES if key in values})
    kept = [(key, values[key]) for key in _PIP_KEYS if values.get(key)]
    lines = [f"{key} = {_indented(value)}" for key, value in kept]
    return "\n".join(["[global]", *lines, ""]) if lines else ""


def npmrc(texts: Sequence[str], environ: Mapping[str, str], *, credentials: bool) -> str:
    """Return an npmrc for builds, or "", from the texts of the host's npmrc files (the strongest last) and its environment.

    Without `credentials` it has neither tokens nor passwords.
    npm expands ${NAME} from its environment, which a build does not have: a line whose variable is set is expanded here, another left out.
    """
    values: dict[str, str] = {}
    for text in texts:
        for line in text.splitlines():
            key, equals, value = (part.strip() for part in line.partition("="))
            lent = credentials and _NPM_CREDENTIALS.fullmatch(key)
            if equals and (key in _NPM_KEYS or _NPM_SCOPED.fullmatch(key) or lent):
                expanded = _expanded(value, environ)
                if expanded is not None:
                    values[key] = expanded
    for key in _NPM_KEYS:
        name = f"npm_config_{key.replace('-', '_')}"
        set_to = environ.get(name) or environ.get(name.upper())
        if set_to:
            values[key] = set_to
    if not credentials:
        values = {
            key: _USER_INFO.sub("", value) if _NPM_ADDRESS.fullmatch(key) else value for key, value in values.items()
        }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def npm_registry(npmrc_text: str) -> str:
    """Return the registry that plain packages come from by what npmrc() returned, with a slash at its end."""
    for line in npmrc_text.splitlines():
        key, _, value = line.partition("=")
        if key == "registry" and value:
            return value.strip("\"'").rstrip("/") + "/"
    return NPM_REGISTRY


def _expanded(value: str, environ: Mapping[str, str]) -> str | None:
    names = _NPM_VARIABLE.findall(value)
    if any(name not in environ for name in names):
        return None
    return _NPM_VARIABLE.sub(lambda match: environ[match[1]], value)


def _indented(value: str) -> str:
    return "\n    ".join(line.strip() for line in value.strip().splitlines())
