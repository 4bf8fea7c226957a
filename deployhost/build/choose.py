"""Which runtime a tree without a Dockerfile is built with, and which trees are refused before anything is built. Pure."""

import posixpath
import re
import shlex

from deployhost.build import refusals
from deployhost.build.detect.candidate import Candidate, Detector, Strength, Unusable
from deployhost.build.detect.commands import Procfile, read_procfile
from deployhost.build.detect.generated_docs import are_generated, is_for_docs, runs_in_browser
from deployhost.build.detect.languages.commands import language_of, programs_of
from deployhost.build.detect.languages.language import Level, Sign
from deployhost.build.detect.languages.seen import find_sign
from deployhost.build.detect.manifests import BadManifest
from deployhost.build.detect.node_package import read_package
from deployhost.build.detect.node_seen import brings
from deployhost.build.detect.node_start import NODE_WORDS
from deployhost.build.detect.python_start import is_pythons
from deployhost.build.detect.registry import detectors
from deployhost.build.detect.static import STATICFILE
from deployhost.build.detect.workspace import apps_below
from deployhost.build.tree import Tree
from deployhost.model import RuntimeName

Found = tuple[Detector, Candidate]
SITES = (Strength.SITE, Strength.FILES)
# A web command that only hands out the pages, as nginx does.
_FILE_SERVERS = re.compile(
    r"(?:^|[\s/])(?:serve|http-server|sirv|live-server|static-web-server|bin/start-nginx-static|bin/boot|caddy file-server|busybox httpd)\b"
)
# Programs that no image of ours has.
_NOT_THERE = frozenset(
    {"caddy", "nginx", "apache2", "httpd", "docker", "docker-compose", "podman", "make", "foreman", "heroku", "run"}
)
# What builds the pages about a program that is not deployed with them.
DOCUMENTERS = (
    "vitepress",
    "vuepress",
    "@docusaurus/core",
    "@astrojs/starlight",
    "typedoc",
    "honkit",
    "docsify-cli",
    "nextra",
)
PREBUILT = "_site"  # what Jekyll and others leave, beside the manifest of their own
_SHELL_CODE = re.compile(r"[`$]\(|`")
_JVM = frozenset({"Kotlin", "Scala", "Clojure"})


def choose(tree: Tree, *, runtime: RuntimeName | None, web: bool) -> tuple[Found, list[Unusable]]:
    """Given a tree, return its detector with the strongest candidate, and what was recognised beside it but can't be built.

    `runtime` is what apps.yml says the tree is, `web` whether it names a web command. Raise NothingRecognised, LanguageNotBuilt.
    """
    asked = [(detector, detector.detect(tree)) for detector in detectors()]
    candidates = [(detector, found) for detector, found in asked if isinstance(found, Candidate)]
    unusable = [found for _, found in asked if isinstance(found, Unusable)]
    procfile = read_procfile(tree)
    if runtime is not None:
        candidates, unusable = _of(runtime, candidates, unusable)
        if not candidates and not unusable:
            raise refusals.not_of(runtime)
    elif not any(found.strength is Strength.SERVER and found.seen for _, found in candidates):
        candidates = _without_other_languages(tree, procfile, candidates, unusable)
    best = _best(candidates)
    if not web:
        said = runtime is RuntimeName.STATIC or (
            tree.exists(STATICFILE) and best is not None and best.strength in SITES
        )
        if not said:
            _refuse_web(tree, procfile, best)
        _refuse_workers(procfile, best)
    # What was recognised but can't be built outranks files that only happen to be there.
    if not candidates or (unusable and all(found.strength < Strength.SITE for _, found in candidates)):
        raise refusals.nothing(tree, unusable)
    return _strongest(candidates), unusable


def _of(runtime: RuntimeName, candidates: list[Found], unusable: list[Unusable]) -> tuple[list[Found], list[Unusable]]:
    """Return the candidates of the runtime that the owner names: for `static` a build that leaves files, else files."""
    if runtime is RuntimeName.STATIC:
        sites = [one for one in candidates if one[1].strength in (Strength.SITE, Strength.FILES)]
        return sites, [one for one in unusable if one.runtime == runtime]
    return [one for one in candidates if one[0].name == runtime], [one for one in unusable if one.runtime == runtime]


def _without_other_languages(
    tree: Tree, procfile: Procfile, candidates: list[Found], unusable: list[Unusable]
) -> list[Found]:
    """Return the candidates of a tree in which no server was seen that is built here.

    Raise LanguageNotBuilt if there is one of another language, NothingRecognised if the apps lie below the root. A Staticfile
    is the word of its owner that the tree is a site.
    """
    sites = [one for one in candidates if one[1].strength in SITES]
    said = tree.exists(STATICFILE)
    if said and sites and len(sites) == len(candidates):
        return candidates
    if not said and not procfile.web and (members := apps_below(tree, started=_serves(candidates))):
        raise refusals.apps_lie_below(tree, members)
    sign = _commanded(tree, procfile, candidates) or _found(tree, _best(candidates), unusable)
    if sign is None:
        return candidates
    if said and sites:
        return sites
    raise refusals.other_language(tree, sign, [found for _, found in candidates])


def _commanded(tree: Tree, procfile: Procfile, candidates: list[Found]) -> Sign | None:
    """Return the sign that the command of the web process is: the Procfile's, or that of a start script."""
    commands = [(procfile.web, "Procfile", procfile.line)] if procfile.web else []
    for _, found in candidates:
        if found.strength is Strength.SERVER and (reason := found.reasons[0]).path:
            commands.append((found.start.shell or shlex.join(found.start.argv), reason.path, reason.line))
    for command, path, line in commands:
        if (found_language := language_of(command)) and not _brought(tree, found_language[1]):
            language, program = found_language
            # `java` starts whatever was compiled for it.
            project = find_sign(tree) if language.name == "Java" else None
            if project is not None and project.language.name in _JVM:
                language = project.language
            return Sign(language, Level.SERVER, f"{language.name} command, {program}", path, line)
    return None


def _brought(tree: Tree, program: str) -> bool:
    """Return whether a dependency of package.json brings a program."""
    try:
        return brings(read_package(tree), program)
    except BadManifest:
        return False


def _found(tree: Tree, best: Candidate | None, unusable: list[Unusable]) -> Sign | None:
    """Return the sign of another language that outweighs what could be built."""
    if best is None:
        return find_sign(tree, Level.PROGRAM if unusable else Level.MANIFEST)
    if best.strength is not Strength.FILES:
        documents = best.strength is Strength.SITE and read_package(tree).has(*DOCUMENTERS)
        return find_sign(tree, Level.FRAMEWORK if documents else Level.PROGRAM)
    root = best.recipe.values["root"]
    if are_generated(tree, root) or runs_in_browser(tree, root):
        least = Level.SERVER
    else:
        least = Level.PROGRAM if unusable or root == PREBUILT else Level.MANIFEST
    return find_sign(tree, least, served=root, documents=is_for_docs(root))


def _refuse_web(tree: Tree, procfile: Procfile, best: Candidate | None) -> None:
    """Raise NothingRecognised for a Procfile whose web command needs a program that is not built here."""
    if not procfile.web or is_pythons(procfile.web) or _FILE_SERVERS.search(procfile.web):
        return
    if best is None or best.strength is not Strength.SERVER:
        raise refusals.nobodys_command(procfile)
    if best.seen or _SHELL_CODE.search(procfile.web):
        return
    for program in programs_of(procfile.web):
        path = posixpath.normpath(program)
        built = "build" in read_package(tree).scripts if best.runtime == RuntimeName.NODE else False
        missing = "/" in program and not path.startswith(("/", "node_modules/", ".venv/", "venv/")) and not built
        if program.lower() in _NOT_THERE or (missing and not tree.exists(path)):
            raise refusals.nobodys_command(procfile)


def _refuse_workers(procfile: Procfile, best: Candidate | None) -> None:
    """Raise NothingRecognised for a Procfile with workers alone, in a tree without a server."""
    workers = {name: command for name, command in procfile.others.items() if name != "release"}
    if procfile.web or not workers:
        return
    if best is None:
        raise refusals.only_workers(workers)
    if best.strength in SITES:  # nginx's image has no other program than a shell
        alone = any(_needs_runtime(command) for command in workers.values())
    elif best.strength is Strength.GUESS:
        alone = not best.seen
    else:
        alone = not best.seen and any(_names(command, best) for command in workers.values())
    if alone:
        raise refusals.only_workers(workers)


def _names(command: str, candidate: Candidate) -> bool:
    """Return whether a worker's command starts the very file that the web process would."""
    path = candidate.reasons[0].path
    return bool(path) and str(path) in command.split()


def _needs_runtime(command: str) -> bool:
    programs = {program.rpartition("/")[2] for program in programs_of(command)}
    return is_pythons(command) or not NODE_WORDS.isdisjoint(programs) or language_of(command) is not None


def _serves(candidates: list[Found]) -> bool:
    return any(found.strength is Strength.SERVER for _, found in candidates)


def _best(candidates: list[Found]) -> Candidate | None:
    return max((found for _, found in candidates), key=lambda one: one.strength, default=None)


def _strongest(candidates: list[Found]) -> Found:
    """Return the strongest candidate; of two servers, the one that the Procfile's command belongs to. Raise NothingRecognised if it is open."""
    best = max(found.strength for _, found in candidates)
    top = [one for one in candidates if one[1].strength is best]
    if best is Strength.SERVER and len(top) > 1:
        claiming = [one for one in top if one[1].claims_procfile]
        if len(claiming) != 1:
            raise refusals.two_servers(top)
        return claiming[0]
    return top[0]
