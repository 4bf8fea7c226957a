"""Which versions of a runtime can be built, what we add where a repository names none, and how a wish is met. Data first."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from deployhost.build.detect.candidate import Reason

PINS = {
    "gunicorn": "27.0.1",
    "uvicorn": "0.54.0",
    "uv": "0.13.9",
    "bun": "1.4.5",
    "yarn": "1.22.22",
    "@yarnpkg/cli-dist": "4.18.1",
}
# pnpm refuses lockfiles of another format than its own major's.
PNPM_BY_LOCKFILE = {"5.3": "6.35.1", "5.4": "7.33.7", "6": "8.15.9", "9": "10.34.8"}
PNPM_DEFAULT = "10.34.8"


NODE_CODENAMES = {"iron": "20", "jod": "22", "krypton": "24"}
NGINX_BASE = "nginx:stable"
LONGEST_WISH = 200  # characters; what is longer is no version


@dataclass(frozen=True)
class Choice:
    """The version that is built, why, and a warning where it is not what was asked for."""

    version: str
    reason: Reason
    warning: str | None = None


@dataclass(frozen=True)
class Runtime:
    """A runtime's versions: those that can be had, oldest first, the one where nothing is said, and those past their end of life."""

    name: str
    supported: tuple[str, ...]
    default: str
    matching: Callable[[str], tuple[str, ...]]  # those that meet a wish, best first
    ended: tuple[str, ...] = ()

    def choose(self, wish: str, where: Reason) -> Choice:
        """Return the default if it meets a wish, else the best version that does, else the nearest with a warning."""
        if fitting := self.matching(wish):
            version = self.default if self.default in fitting else fitting[0]
            warning = f"{self.name} {version} is past its end of life; move to {self.default}"
            return Choice(version, where, warning if version in self.ended else None)
        nearest = self._nearest(wish)
        return Choice(nearest, where, f"{self.name} {shown(wish)} ({where.path}) can't be had here: {nearest} is used")

    def by_default(self) -> Choice:
        """Return the choice where the repository names no version."""
        reason = Reason(f"{self.name} {self.default}: no version is named, this is the default")
        return Choice(self.default, reason)

    def _nearest(self, wish: str) -> str:
        """Return the supported version nearest to the first number of a wish that nothing meets, else the default."""
        number = re.search(r"(\d{1,6})(?:\.(\d{1,6}))?", wish)
        if not number:
            return self.default
        wanted = (int(number[1]), int(number[2] or 0)) if "." in self.default else (int(number[1]), 0)
        later = (one for one in self.supported if tuple(map(int, one.split("."))) >= wanted)
        return next(later, self.supported[-1])


def shown(text: str) -> str:
    """Return a text of the repository short and on one line, fit for a message."""
    flat = "".join(char if char.isprintable() else " " for char in text).strip()
    return flat if len(flat) <= 60 else flat[:57] + "..."


def python_matching(wish: str) -> tuple[str, ...]:
    """Return the supported versions that meet a requires-python specifier or a plain version (3.12, 3.12.4, python-3.12.4)."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 (packaging costs what `inspect` need not pay)

    if len(wish) > LONGEST_WISH:
        return ()
    plain = re.fullmatch(r"(?:c?python-?)?\s*(\d+\.\d+)(?:\.\d+)?(?:[a-z]+\d+)?", wish.strip(), re.IGNORECASE)
    if plain:
        return tuple(one for one in PYTHON.supported if one == plain[1])
    try:
        specifiers = SpecifierSet(wish)
    except InvalidSpecifier:
        return ()
    # `==3.12.4` is met by the image of 3.12, which follows its patch releases.
    return tuple(one for one in PYTHON.supported if any(specifiers.contains(f"{one}.{patch}") for patch in range(40)))


def node_matching(wish: str) -> tuple[str, ...]:
    """Return the supported majors, newest first, with a version in an npm range (>=18, ^20 || 22.x, v22.1.0, lts/*, lts/jod)."""
    if len(wish) > LONGEST_WISH:
        return ()
    wish = wish.strip().lower()
    if wish.startswith("lts/"):
        wish = NODE_CODENAMES.get(wish[4:], NODE.default if wish in ("lts/*", "lts/-0") else "none")
    if wish in ("", "*", "x", "latest", "current", "node", "stable"):
        return NODE.supported[::-1]
    parts = [part.strip() for part in wish.split("||")]
    return tuple(one for one in reversed(NODE.supported) if any(_meets(int(one), part) for part in parts))


def _meets(major: int, wanted: str) -> bool:
    """Return whether some version of a major is in one part of an npm range."""
    hyphen = re.fullmatch(r"v?(\d+)[\d.]*\s+-\s+v?(\d+)[\d.]*", wanted)
    if hyphen:
        return int(hyphen[1]) <= major <= int(hyphen[2])
    comparators = re.findall(r"([<>=^~]{0,2})\s*v?(\d+|[x*])((?:\.(?:\d+|[x*]))*)", re.sub(r"-[0-9a-z.-]+", "", wanted))
    return bool(comparators) and all(_in_range(major, *one) for one in comparators)


def _in_range(major: int, operator: str, number: str, rest: str) -> bool:
    if number in ("x", "*"):
        return True
    bound = int(number)
    if operator == ">" and not rest:  # >20 begins at 21
        return major > bound
    if operator in (">", ">="):
        return major >= bound
    if operator == "<":
        return major < bound or (major == bound and re.search(r"[1-9]", rest) is not None)
    if operator == "<=":
        return major <= bound
    return major == bound


PYTHON = Runtime("Python", ("3.11", "3.12", "3.13", "3.14"), "3.13", python_matching)
NODE = Runtime("Node", ("20", "22", "24"), "24", node_matching, ended=("20",))
