"""git over HTTPS: GitHub's answers about who may, and the real `git http-backend` for the rest."""

import base64
import binascii
import os
import re
import subprocess

from tests.doubles.github.callers import token_of
from tests.doubles.github.refusals import Refused
from tests.doubles.github.repositories import ENVIRONMENT, Repository
from tests.doubles.github.world import Account, Token, World
from tests.doubles.serve import Answer, Call

PATHS = re.compile(r"/([\w.-]+)/([\w.-]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
CHALLENGE = ("WWW-Authenticate", 'Basic realm="GitHub"')


def is_git(path: str) -> bool:
    """Return whether a path is one that git asks for."""
    return PATHS.fullmatch(path) is not None


def answer(world: World, call: Call) -> Answer:
    """Answer git, as far as the credentials let it."""
    match = PATHS.fullmatch(call.path)
    assert match is not None
    owner, name, service = match.groups()
    pushes = "git-receive-pack" in (service, call.parameters.get("service"))
    try:
        with world.lock:
            who = _who(world, call)
            repository, moved = world.named(f"{owner}/{name}"), world.moved(f"{owner}/{name}")
            one = repository or moved
            if one is None or not _may_read(who, one):
                raise _unseen(who)
            _check_rights(who, one, pushes=pushes)
    except Refused as refused:
        return _plain(refused)
    if repository is None:
        # Old names lead on, for git too (docs.github.com, "Renaming a repository").
        return Answer(301, b"", (("Location", f"{one.url}.git/{service}{'?' if call.query else ''}{call.query}"),))
    if not pushes:
        return _backend(one, call, service)
    with one.pushing:
        before = one.references()
        answered = _backend(one, call, service)
        if service == "git-receive-pack" and one.references() != before:
            one.pushed_since(before, who if isinstance(who, Account) else None)
    return answered


def _who(world: World, call: Call) -> Token | Account | None:
    """Return whose credentials the call has: `x-access-token:TOKEN`, or a person's token with any name."""
    kind, _, text = call.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        password = base64.b64decode(text, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        password = ""
    login = world.personal.get(password)
    if login is not None:
        return world.account(login)
    return token_of(world, password)


def _may_read(who: Token | Account | None, one: Repository) -> bool:
    if not one.private:
        return True
    return who.sees(one) if isinstance(who, Token) else who is not None and one.owner.owned_by(who.login)


def _check_rights(who: Token | Account | None, one: Repository, *, pushes: bool) -> None:
    if isinstance(who, Token):
        level = who.permissions.get("contents")
        if level is None and (one.private or pushes):
            raise Refused(403, "Resource not accessible by integration")
        if pushes and (level != "write" or not who.sees(one)):
            raise Refused(403, f"Permission to {one.full_name}.git denied to {who.installation.app.slug}[bot].")
    elif pushes and (who is None or not one.owner.owned_by(who.login)):
        raise Refused(401 if who is None else 403, "Write access to repository not granted.")
    if pushes and one.archived:
        raise Refused(403, "This repository was archived so it is read-only.")


def _unseen(who: Token | Account | None) -> Refused:
    """Without credentials GitHub asks for some; with credentials that see nothing it finds nothing."""
    return Refused(401, "Repository not found.") if who is None else Refused(404, "Repository not found.")


def _plain(refused: Refused) -> Answer:
    messages = {401: "Invalid username or token. Password authentication is not supported for Git operations."}
    text = messages.get(refused.status, str(refused)) + "\n"
    headers = (("Content-Type", "text/plain; charset=utf-8"), *((CHALLENGE,) if refused.status == 401 else ()))
    return Answer(refused.status, text.encode(), headers)


def _backend(one: Repository, call: Call, service: str) -> Answer:
    """Run git http-backend (git-http-backend(1)) as a web server does."""
    environment = {
        **ENVIRONMENT,
        "PATH": os.environ.get("PATH", ENVIRONMENT["PATH"]),
        "GIT_PROJECT_ROOT": str(one.path),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{service}",
        "REQUEST_METHOD": call.method,
        "QUERY_STRING": call.query,
        "CONTENT_TYPE": call.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(call.body)),
        "REMOTE_USER": "somebody",
        "REMOTE_ADDR": call.address,
        "HTTP_CONTENT_ENCODING": call.headers.get("content-encoding", ""),
        # Without this variable git speaks the older protocol, in which a commit that no ref names can't be fetched.
        "GIT_PROTOCOL": call.headers.get("git-protocol", ""),
    }
    argv = ["git", "http-backend"]
    done = subprocess.run(argv, input=call.body, capture_output=True, env=environment, check=False, timeout=120)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = [tuple(line.split(": ", 1)) for line in head.decode().splitlines()]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    return Answer(status, body, tuple((name, value) for name, value in headers if name != "Status"))
