"""Which image can be imitated from Debian's packages and npm's tarballs, and with what. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deployhost.build.labels import STAND_IN_LABEL
from deployhost.build.registries import HUB, Reference

CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

SUITES = {"bookworm": 12, "trixie": 13}
DEFAULT_SUITE = "trixie"
PYTHONS = {13: "trixie", 11: "bookworm"}  # Debian's Python 3.x, and the suite that has it
NODE_LTS = "24"
NODE_NAMES = {"krypton": "24", "jod": "22", "iron": "20", "hydrogen": "18"}
NGINX_VERSION = "1.26"

_BASE = ("ca-certificates", "netbase", "tzdata")
_FULL = ("build-essential", "curl", "git", "pkg-config", "unzip", "wget", "xz-utils")
_PYTHON = ("python3", "python3-pip", "python3-venv")
# The same files as in the official slim images are left out, by the same means.
_EXCLUDED = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "force-unsafe-io",
)
_POLICY = {"usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n"}  # a package that is installed in an image starts nothing
_FOREIGN = ("alpine", "windowsservercore", "nanoserver", "otel", "perl")
_DEBIAN_OLD = ("oldstable", "oldoldstable", "bullseye", "buster")
_UBUNTU_OLD = ("22", "20", "18", "jammy", "focal", "bionic")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Account:
    """A user with a group of the same name and number, and its home."""

    name: str
    number: int
    home: str
    shell: str


@dataclass(frozen=True, kw_only=True)
class StandInRecipe:
    """How to make one stand-in. Two references that need the same image have the same `key`; `warning` says what differs.

    `base` is the stand-in that it is laid upon; without one, `suite` and `packages` make its root file system.
    """

    key: str
    what: str
    suite: str
    packages: tuple[str, ...] = ()
    base: "StandInRecipe | None" = None
    excluded: tuple[str, ...] = _EXCLUDED
    node: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    account: Account | None = None
    changes: tuple[str, ...] = ()
    warning: str = ""

    @property
    def made_of(self) -> str:
        """Return what it is made of, for people."""
        return f"Debian {SUITES[self.suite]}'s packages" + (" and npm's node" if self.node else "")


def recipe_for(reference: Reference) -> StandInRecipe | None:
    """Return how to imitate an image, or None where that can't be done: only some official images by tag, none of Alpine."""
    makers = {"debian": _debian, "ubuntu": _ubuntu, "python": _python, "node": _node, "nginx": _nginx}
    if reference.registry != HUB or reference.digest or reference.repository.partition("/")[0] != "library":
        return None
    maker = makers.get(reference.name)
    words = reference.tag.split("-")
    if maker is None or any(word.startswith(_FOREIGN) for word in words):
        return None
    return maker(words)


def _numbers(words: list[str]) -> tuple[int, ...]:
    return tuple(map(int, words[0].split("."))) if re.fullmatch(r"\d+(\.\d+)*", words[0]) else ()


def _suite(words: list[str]) -> str:
    return next((word for word in words if word in SUITES), DEFAULT_SUITE)


def _configuration(key: str, command: str, *more: str) -> tuple[str, ...]:
    # The host's certificate authorities also for what brings its own list: Node, and Python's requests and pip.
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
    env = " ".join(f"{name}={CA_BUNDLE}" for name in names)
    return (
        f"ENV PATH={_PATH}",
        "ENV LANG=C.UTF-8",
        f"ENV {env}",
        f"LABEL {STAND_IN_LABEL}={key}",
        f"CMD {command}",
        *more,
    )


def _debian_of(suite: str, extra: tuple[str, ...] = ()) -> StandInRecipe:
    key = f"debian-{SUITES[suite]}" + ("-full" if extra else "")
    return StandInRecipe(
        key=key,
        what=f"a Debian {SUITES[suite]} system",
        suite=suite,
        packages=(*_BASE, "libatomic1", "libstdc++6", *extra),
        files=_POLICY,
        changes=_configuration(key, '["bash"]'),
    )


def _debian(words: list[str]) -> StandInRecipe:
    numbers = _numbers(words)
    by_number = {number: suite for suite, number in SUITES.items()}
    if numbers:
        known, old = numbers[0] in by_number, numbers[0] < min(by_number)
        suite = by_number.get(numbers[0], DEFAULT_SUITE)
    else:
        known, old = words[0] in ("latest", "stable", *SUITES), words[0] in _DEBIAN_OLD
        suite = _suite(words)
    recipe = _debian_of("bookworm" if old else suite)
    return recipe if known else _warned(recipe, f"debian {words[0]}")


def _ubuntu(words: list[str]) -> StandInRecipe:
    old = words[0].partition(".")[0] in _UBUNTU_OLD
    return _warned(_debian_of("bookworm" if old else DEFAULT_SUITE), f"Ubuntu {words[0]}")


def _python(words: list[str]) -> StandInRecipe | None:
    numbers = _numbers(words)
    if numbers and numbers[0] != 3:
        return None
    asked = numbers[1] if len(numbers) > 1 else max(PYTHONS)
    minor = min(PYTHONS, key=lambda one: (abs(one - asked), -one))
    suite, program = PYTHONS[minor], f"python3.{minor}"
    full = "slim" not in words
    key = f"python-3.{minor}" + ("-full" if full else "")
    recipe = StandInRecipe(
        key=key,
        what=f"Python 3.{minor}",
        suite=suite,
        packages=(*_BASE, *_PYTHON, *(("python3-dev", *_FULL) if full else ())),
        # PEP 668's mark guards a distribution's own Python; the official image has none, as pip is what it is for.
        excluded=(*_EXCLUDED, "path-exclude=/usr/lib/python3*/EXTERNALLY-MANAGED"),
        links={
            **{f"usr/local/bin/{name}": f"/usr/bin/{program}" for name in ("python", "python3", program)},
            **{f"usr/local/bin/{name}": "/usr/bin/pip3" for name in ("pip", "pip3")},
        },
        files=_POLICY,
        changes=_configuration(key, '["python3"]'),
    )
    exact = asked == minor and len(numbers) < 3
    return recipe if exact else _warned(recipe, f"Python {words[0]}")


def _node(words: list[str]) -> StandInRecipe:
    version = NODE_NAMES.get(words[0], "")
    if _numbers(words):
        version = words[0]
    elif words[0] == "lts":
        version = NODE_LTS
    full = "slim" not in words
    base = _debian_of(_suite(words), _FULL if full else ())
    key = f"node-{version or 'latest'}" + ("-full" if full else "") + ("-bookworm" if base.suite == "bookworm" else "")
    modules = "../lib/node_modules/npm/bin"
    return StandInRecipe(
        key=key,
        what=f"Node {version}" if version else "the latest Node",
        suite=base.suite,
        base=base,
        node=version or "latest",
        links={
            "usr/local/bin/npm": f"{modules}/npm-cli.js",
            "usr/local/bin/npx": f"{modules}/npx-cli.js",
            "usr/local/bin/nodejs": "node",
        },
        account=Account("node", 1000, "/home/node", "/bin/bash"),
        changes=_configuration(key, '["node"]'),
    )


def _nginx(words: list[str]) -> StandInRecipe:
    key = "nginx-stable"
    recipe = StandInRecipe(
        key=key,
        what=f"nginx {NGINX_VERSION}",
        suite=DEFAULT_SUITE,
        packages=(*_BASE, "nginx"),
        links={"var/log/nginx/access.log": "/dev/stdout", "var/log/nginx/error.log": "/dev/stderr"},
        files={
            **_POLICY,
            "etc/nginx/sites-enabled/default": "",  # Debian's own site; the official image has conf.d only
            "etc/nginx/conf.d/default.conf": "server {\n    listen 80;\n    location / {\n        root /usr/share/nginx/html;\n    }\n}\n",
        },
        account=Account("nginx", 101, "/nonexistent", "/usr/sbin/nologin"),
        changes=_configuration(key, '["nginx", "-g", "daemon off;"]', "EXPOSE 80"),
    )
    other = words[0] == "mainline" or (_numbers(words) and not f"{words[0]}.".startswith(f"{NGINX_VERSION}."))
    return _warned(recipe, f"nginx {words[0]}") if other else recipe


def _warned(recipe: StandInRecipe, asked: str) -> StandInRecipe:
    origin = "" if "Debian" in recipe.what else f" from Debian {SUITES[recipe.suite]}"
    return replace(recipe, warning=f"{recipe.what}{origin} stands in for {asked}")
