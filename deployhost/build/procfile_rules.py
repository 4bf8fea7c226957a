"""Procfiles that a tree can't be run with. Pure."""

import posixpath
import re

from deployhost.build import refusals
from deployhost.build.detect.candidate import Candidate, Strength
from deployhost.build.detect.commands import Procfile
from deployhost.build.detect.languages.commands import programs_of
from deployhost.build.detect.node.package import read_package
from deployhost.build.detect.node.seen import brings
from deployhost.build.detect.python.start import is_pythons
from deployhost.build.found import SITES
from deployhost.build.tree import Tree
from deployhost.model import RuntimeName

# Programs that only hand out the pages, as nginx does; some of them by a word of their own.
_FILE_SERVERS = frozenset({"serve", "http-server", "sirv", "live-server", "static-web-server"})
_HANDS_OUT = re.compile(r"(?:^|\s)(?:bin/start-nginx-static|bin/boot|caddy file-server|busybox httpd)\b")
# Programs that no image of ours has.
_NOT_THERE = frozenset({
    "caddy", "nginx", "apache2", "httpd", "docker", "docker-compose", "podman", "make", "foreman", "heroku", "hugo", "run", "racket", "sbcl", "tclsh",
    "nim", "v", "cfml", "wp", "guile",
})  # fmt: skip
_INSTALLED = ("node_modules/", ".venv/", "venv/")
_SHELL_CODE = re.compile(r"\$\(|`")


def refuse_web(tree: Tree, procfile: Procfile, best: Candidate | None) -> None:
    """Raise NothingRecognised for a Procfile whose web command needs a program that is not built here."""
    if not procfile.web or is_pythons(procfile.web) or _hands_out(procfile.web):
        return
    if best is None or best.strength is not Strength.SERVER:
        raise refusals.nobodys_command(procfile)
    if best.seen or _SHELL_CODE.search(procfile.web):
        return
    for program in programs_of(procfile.web):
        path = posixpath.normpath(program)
        name = program.rpartition("/")[2].lower()
        can_be = "/" not in program or path.startswith(_INSTALLED) or tree.exists(path)
        if not can_be or (name in _NOT_THERE and not _brings(tree, best, name)):
            raise refusals.nobodys_command(procfile)


def _hands_out(command: str) -> bool:
    """Return whether a command does no more than nginx does with the pages."""
    programs = list(programs_of(command))
    return _HANDS_OUT.search(command) is not None or (bool(programs) and _FILE_SERVERS.issuperset(programs))


def _brings(tree: Tree, best: Candidate, program: str) -> bool:
    return best.runtime == RuntimeName.NODE and brings(read_package(tree), program)


def refuse_workers(procfile: Procfile, best: Candidate | None) -> None:
    """Raise NothingRecognised for a Procfile with workers alone, in a tree without a server."""
    workers = {name: command for name, command in procfile.others.items() if name != "release"}
    if procfile.web or not workers:
        return
    if best is None or best.strength in SITES:  # the image of a site holds nginx and the pages
        raise refusals.only_workers(workers)
    alone = best.strength is Strength.GUESS or any(_names(command, best) for command in workers.values())
    if alone and not best.seen:
        raise refusals.only_workers(workers)


def _names(command: str, candidate: Candidate) -> bool:
    """Return whether a worker's command starts the very file that the web process would."""
    path = candidate.reasons[0].path
    return bool(path) and str(path) in command.split()
