"""Staticfile.auth: the users of a site and the hashes of their passwords, as nginx's auth_basic_user_file reads them.

The name and the place come from Cloud Foundry's staticfile buildpack. Hashes are secrets: no message repeats any part of a line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deployhost.build.detect.candidate import Reason, Unusable
from deployhost.build.tree import Tree

FILE = "Staticfile.auth"
USERS_FILE = "/etc/nginx/deployhost.htpasswd"  # outside the served files
LINE = "printf 'NAME:%s\\n' \"$(openssl passwd -apr1)\""
HINT = f"{LINE} > {FILE}"
DETAILS = (
    f"each line of {FILE} is `user:hash`; a line that begins with # is a comment",
    "hashes that work: $apr1$, $1$, $5$, $6$, bcrypt ($2a$, $2b$, $2y$), yescrypt ($y$), {SHA}, {SSHA}, DES crypt",
)
LARGEST = 64 * 1024  # bytes; nginx reads the whole file at each request
LONGEST = 1000  # characters of a line; nginx takes 2048 bytes (ngx_http_auth_basic_module.c)
MOST_TOLD = 5
# nginx verifies at each request, and its process serves nobody else meanwhile. These take about a second.
MOST_COST, MOST_ROUNDS = 14, 1_000_000
SLOW = 0.1  # of that
_B64 = r"[./0-9A-Za-z]"
# What nginx computes itself (ngx_crypt.c), and what Debian's crypt(3) does for it. The salts are those that programs make.
_HASH = re.compile(
    rf"\$apr1\${_B64}{{1,8}}\${_B64}{{22}}"
    rf"|\$1\${_B64}{{1,8}}\${_B64}{{22}}"
    rf"|\$(?:5\$(?:rounds=(?P<r5>[1-9][0-9]{{3,8}})\$)?{_B64}{{1,16}}\${_B64}{{43}})"
    rf"|\$(?:6\$(?:rounds=(?P<r6>[1-9][0-9]{{3,8}})\$)?{_B64}{{1,16}}\${_B64}{{86}})"
    rf"|\$2[aby]\$(?P<cost>0[4-9]|[12][0-9]|3[01])\${_B64}{{53}}"
    rf"|\$y\$j(?:[78]5|[789]T)\${_B64}{{1,86}}\${_B64}{{43}}"
    r"|\{SHA\}[+/0-9A-Za-z]{27}="
    r"|\{SSHA\}(?=[^=]{27})(?:[+/0-9A-Za-z]{4}){6,40}(?:[+/0-9A-Za-z]{4}|[+/0-9A-Za-z]{3}=|[+/0-9A-Za-z]{2}==)"
    rf"|(?P<plain>\{{PLAIN\}}.+)|(?P<des>{_B64}{{13}})"
)


class BadUsers(Exception):
    """A Staticfile.auth that would leave the site open, or closed to everybody: what is wrong with it, and where."""

    def __init__(self, message: str, path: str, *, empty: bool = False) -> None:
        super().__init__(message)
        self._path = path
        self._empty = empty

    def unusable(self, runtime: str) -> Unusable:
        """Return what a detector says of such a tree. Users that are there already must not be lost by following the hint."""
        if self._empty:
            return Unusable(runtime, str(self), DETAILS, HINT)
        details = (*DETAILS, f"this makes such a line: {LINE}")
        return Unusable(runtime, str(self), details, f"${{EDITOR:-vi}} {self._path}")


@dataclass(frozen=True)
class Login:
    """What a Staticfile.auth adds to a site: its path in the tree (None: there is none), the number of users, and warnings."""

    path: str | None = None
    users: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files that the Dockerfile copies."""
        return (self.path,) if self.path else ()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return what `inspect` shows."""
        text = f"visitors must log in: {self.users} {'user' if self.users == 1 else 'users'}"
        return (Reason(text, self.path),) if self.path else ()

    @property
    def values(self) -> dict[str, str | None]:
        """Return the values of the templates: the file in the repository and in the image."""
        return {"users_source": self.path, "users_file": USERS_FILE if self.path else None}


def find_login(tree: Tree, *folders: str) -> Login:
    """Return what the Staticfile.auth of the root says, else that of the first of the folders. Raises BadUsers if it is unusable."""
    paths = [f"{folder}/{FILE}" if folder else FILE for folder in ("", *folders)]
    if lost := next((one for one in paths if tree.is_lost(one)), None):
        raise BadUsers(f"{lost} is a link that leads out of the repository or nowhere", lost)
    path = next((one for one in paths if tree.exists(one)), None)
    if path is None:
        return Login()
    if tree.size(path) > LARGEST:
        raise BadUsers(f"{path} has more than {LARGEST // 1024} KiB", path)
    text = tree.read(path)
    # nginx gets the file as it is. A byte order mark or UTF-16 is gone from the text, and its size shows it.
    if "\ufffd" in text or len(text.encode("utf-8", "surrogatepass")) != tree.size(path):
        raise BadUsers(f"{path} is not plain UTF-8 text without a byte order mark", path)
    return _parse(path, text)


def _parse(path: str, text: str) -> Login:
    """Return what a file's text says. Raises BadUsers with the 1-based line of the first mistake."""
    users: set[str] = set()
    warnings: list[str] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.removesuffix("\r")
        if not line.strip(" \t") or line.startswith("#"):
            continue
        where = f"line {number} of {path}"
        if len(line) > LONGEST or not line.isprintable():
            raise BadUsers(f"{where} is too long or holds control characters", path)
        user, colon, rest = line.partition(":")
        if not colon or not user or user != user.strip():
            raise BadUsers(f"{where} is not `user:hash`", path)
        hashed, colon, _ = rest.partition(":")  # what follows a second colon is a comment to nginx
        match = _HASH.fullmatch(hashed)
        if match is None or (match["plain"] and colon):
            why = "does not hold a hash that nginx can verify; a password in plain text is refused"
            raise BadUsers(f"{where} {why}", path)
        if _work(match) > 1:
            raise BadUsers(f"{where} holds a hash that nginx would verify for more than a second at each request", path)
        warnings += [f"{where} {one}" for one in _doubts(match, known=user in users)]
        users.add(user)
    if not users:
        raise BadUsers(f"{path} names no user", path, empty=True)
    return Login(path, len(users), tuple(warnings[:MOST_TOLD]))


def _work(match: re.Match[str]) -> float:
    """Return how much work a hash is, where 1 is the most that is accepted."""
    if match["cost"]:
        return 2.0 ** (int(match["cost"]) - MOST_COST)
    return int(match["r5"] or match["r6"] or 0) / MOST_ROUNDS


def _doubts(match: re.Match[str], *, known: bool) -> Iterator[str]:
    """Yield what the owner should know of a line that works."""
    if known:
        yield "repeats a user; only the first line of a user counts"
    if match["plain"]:
        yield "holds a password in plain text ({PLAIN}), which everyone with the repository can read"
    if match["des"]:
        yield "looks like DES crypt, which ignores all of a password after the eighth character"
    if _work(match) > SLOW:
        yield "holds a hash that is slow to verify, and nginx verifies it at each request"


def unused_files(tree: Tree, *, used: str | None, serves_files: bool) -> tuple[str, ...]:
    """Return a warning for each Staticfile.auth that protects nothing; where the tree is not a site, only the root's is checked."""
    if not serves_files:
        return (f"{FILE} protects nothing: only static sites ask for its passwords",) if tree.exists(FILE) else ()
    others = [one for one in tree.paths() if one != used and one.rpartition("/")[2].lower() == FILE.lower()]
    names = [f"{path!r}"[1:-1] for path in others[:MOST_TOLD]]
    return tuple(
        f"{name} protects nothing: only {used or f'{FILE} at the root'} counts, for the whole site" for name in names
    )
