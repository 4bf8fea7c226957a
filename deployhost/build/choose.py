"""Which runtime a tree without a Dockerfile is built with, and which trees are refused before anything is built. Pure."""

from deployhost.build import refusals
from deployhost.build.detect.candidate import Candidate, Detector, Strength, Unusable
from deployhost.build.detect.commands import Procfile, read_procfile
from deployhost.build.detect.generated_docs import are_generated, is_for_docs
from deployhost.build.detect.languages.commands import language_of
from deployhost.build.detect.languages.language import Level, Sign
from deployhost.build.detect.languages.seen import find_sign
from deployhost.build.detect.node_start import NODE_WORDS
from deployhost.build.detect.python_start import is_pythons
from deployhost.build.detect.registry import detectors
from deployhost.build.detect.static import STATICFILE
from deployhost.build.detect.workspace import apps_below
from deployhost.build.tree import Tree
from deployhost.model import RuntimeName

Found = tuple[Detector, Candidate]


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
    if not web:
        _refuse_processes(procfile, candidates)
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
    sites = [one for one in candidates if one[1].strength in (Strength.SITE, Strength.FILES)]
    said = tree.exists(STATICFILE)
    if said and sites and len(sites) == len(candidates):
        return candidates
    members = () if said or _serves(candidates) else apps_below(tree)
    if members:
        raise refusals.apps_lie_below(members)
    sign = _commanded(procfile, candidates) or find_sign(tree, _least(tree, candidates, unusable))
    if sign is None:
        return candidates
    if said and sites:
        return sites
    raise refusals.other_language(tree, sign, [found for _, found in candidates])


def _commanded(procfile: Procfile, candidates: list[Found]) -> Sign | None:
    """Return the sign that the command of the web process is: the Procfile's, or that of a start script."""
    commands = [(procfile.web, "Procfile", procfile.line)] if procfile.web else []
    for _, found in candidates:
        if found.strength is Strength.SERVER and (reason := found.reasons[0]).path:
            commands.append((str(found.start), reason.path, reason.line))
    for command, path, line in commands:
        if language := language_of(command):
            return Sign(language[0], Level.SERVER, f"{language[0].name} command, {language[1]}", path, line)
    return None


def _least(tree: Tree, candidates: list[Found], unusable: list[Unusable]) -> Level:
    """Return how much a sign of another language must say to outweigh what could be built."""
    best = _best(candidates)
    if best is None:
        return Level.PROGRAM if unusable else Level.MANIFEST
    if best.strength is not Strength.FILES:
        return Level.PROGRAM
    root = best.recipe.values["root"]
    if are_generated(tree, root):
        return Level.SERVER
    return Level.PROGRAM if unusable or is_for_docs(root) else Level.MANIFEST


def _refuse_processes(procfile: Procfile, candidates: list[Found]) -> None:
    """Raise NothingRecognised for a Procfile that the tree can't be run with: a web command nobody claims, or workers alone."""
    best = _best(candidates)
    if procfile.web:
        if not _serves(candidates) and not is_pythons(procfile.web):
            raise refusals.nobodys_command(procfile)
        return
    workers = {name: command for name, command in procfile.others.items() if name != "release"}
    if not workers:
        return
    if best is None or best.strength is Strength.GUESS:
        raise refusals.only_workers(workers)
    if best.strength is Strength.SERVER:
        same = any(_names(command, best) for command in workers.values()) and not best.seen
    else:  # nginx's image has no other program than a shell
        same = any(_needs_runtime(command) for command in workers.values())
    if same:
        raise refusals.only_workers(workers)


def _names(command: str, candidate: Candidate) -> bool:
    """Return whether a worker's command starts the very file that the web process would."""
    path = candidate.reasons[0].path
    return bool(path) and str(path) in command.split()


def _needs_runtime(command: str) -> bool:
    first = command.split(maxsplit=1)[0].rpartition("/")[2] if command.split() else ""
    return is_pythons(command) or first in NODE_WORDS or language_of(command) is not None


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
