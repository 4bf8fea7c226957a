"""Which runtime a tree without a Dockerfile is built with. Pure."""

from deployhost.build import refusals
from deployhost.build.detect.candidate import Candidate, Strength, Unusable
from deployhost.build.detect.commands import read_procfile
from deployhost.build.detect.registry import detectors
from deployhost.build.detect.static.detector import STATICFILE
from deployhost.build.found import SITES, Found, best_of
from deployhost.build.other_languages import without_other_languages
from deployhost.build.procfile_rules import refuse_web, refuse_workers
from deployhost.build.tree import Tree
from deployhost.model import RuntimeName


def choose(tree: Tree, *, runtime: RuntimeName | None, web: bool) -> tuple[Found, list[Unusable]]:
    """Return the detector with the strongest candidate of a tree, and what was recognised beside it but can't be built.

    `runtime` is what apps.yml says the tree is, `web` whether it names a web command. Raises NothingRecognised, LanguageNotBuilt.
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
        candidates = without_other_languages(tree, procfile, candidates, unusable)
    best = best_of(candidates)
    if not web:
        is_site = best is not None and best.strength in SITES
        # Their owner's word that the pages are all outweighs the Procfile's.
        if not (is_site and (runtime is RuntimeName.STATIC or tree.exists(STATICFILE))):
            refuse_web(tree, procfile, best)
        refuse_workers(procfile, best)
    # What was recognised but can't be built outranks files that only happen to be there.
    if not candidates or (unusable and all(found.strength < Strength.SITE for _, found in candidates)):
        raise refusals.nothing(tree, unusable)
    return _strongest(candidates), unusable


def _of(runtime: RuntimeName, candidates: list[Found], unusable: list[Unusable]) -> tuple[list[Found], list[Unusable]]:
    """Return the candidates of the runtime that the owner names: for `static` a build that leaves files, else files."""
    if runtime is RuntimeName.STATIC:
        sites = [one for one in candidates if one[1].strength in SITES]
        return sites, [one for one in unusable if one.runtime == runtime]
    return [one for one in candidates if one[0].name == runtime], [one for one in unusable if one.runtime == runtime]


def _strongest(candidates: list[Found]) -> Found:
    """Return the strongest candidate; of two servers, the one that the Procfile's command belongs to. Raises NothingRecognised if it is open."""
    best = max(found.strength for _, found in candidates)
    top = [one for one in candidates if one[1].strength is best]
    if best is Strength.SERVER and len(top) > 1:
        claiming = [one for one in top if one[1].claims_procfile]
        if len(claiming) != 1:
            raise refusals.two_servers(top)
        return claiming[0]
    return top[0]
