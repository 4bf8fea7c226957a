"""What becomes of a tree in which no server of a runtime that is built here was seen. Pure."""

import shlex
from collections.abc import Iterator

from deployhost.build import refusals
from deployhost.build.detect.candidate import Candidate, Strength, Unusable
from deployhost.build.detect.commands import Procfile
from deployhost.build.detect.languages.commands import language_of, programs_of
from deployhost.build.detect.languages.language import Level, Sign
from deployhost.build.detect.languages.seen import find_sign
from deployhost.build.detect.manifests import BadManifest
from deployhost.build.detect.node.package import read_package
from deployhost.build.detect.node.seen import brings
from deployhost.build.detect.static.detector import STATICFILE
from deployhost.build.detect.static.generated_docs import are_generated, is_for_docs, runs_in_browser
from deployhost.build.detect.workspace import apps_below
from deployhost.build.found import SITES, Found, best_of, has_server
from deployhost.build.tree import Tree
from deployhost.model import RuntimeName

# What builds the pages about a program that is not deployed with them.
DOCUMENTERS = (
    "vitepress", "vuepress", "@docusaurus/core", "@astrojs/starlight", "typedoc", "honkit", "docsify-cli", "nextra",
)  # fmt: skip
PREBUILT = "_site"  # what Jekyll and others leave, beside a manifest of their own
Command = tuple[str, str, int | None]  # with its file and line
MOST_LINES = 200  # of a shell script
_ON_THE_JVM = frozenset({"Kotlin", "Scala", "Clojure"})


def without_other_languages(
    tree: Tree, procfile: Procfile, candidates: list[Found], unusable: list[Unusable]
) -> list[Found]:
    """Return the candidates of a tree in which no server was seen that is built here.

    Raises LanguageNotBuilt if there is one of another language, NothingRecognised if the apps lie below the root. A Staticfile
    is the word of its owner that the tree is a site.
    """
    sites = [one for one in candidates if one[1].strength in SITES]
    said = tree.exists(STATICFILE)
    if said and sites:
        return sites
    if mistaken := [one for one in unusable if said and one.runtime == RuntimeName.STATIC]:
        raise refusals.nothing(tree, mistaken)
    if not said and not procfile.web and (members := apps_below(tree, started=has_server(candidates))):
        raise refusals.apps_lie_below(tree, members)
    sign = _commanded(tree, procfile, candidates) or _found(tree, best_of(candidates), unusable)
    if sign is None:
        return candidates
    raise refusals.other_language(tree, sign, [found for _, found in candidates])


def _commanded(tree: Tree, procfile: Procfile, candidates: list[Found]) -> Sign | None:
    """Return the sign that the command of the web process is: the Procfile's, or that of a start script."""
    commands: list[Command] = [(procfile.web, "Procfile", procfile.line)] if procfile.web else []
    for _, found in candidates:
        if found.strength is Strength.SERVER and (reason := found.reasons[0]).path:
            commands.append((found.start.shell or shlex.join(found.start.argv), reason.path, reason.line))
    for command, path, line in [*commands, *_scripts(tree, commands)]:
        if (found_language := language_of(command)) and not _brought(tree, found_language[1]):
            language, program = found_language
            # `java` starts whatever was compiled for it.
            project = find_sign(tree) if language.name == "Java" else None
            if project is not None and project.language.name in _ON_THE_JVM:
                language = project.language
            return Sign(language, Level.SERVER, f"{language.name} command, {program}", path, line)
    return None


def _scripts(tree: Tree, commands: list[Command]) -> Iterator[Command]:
    """Yield the commands of the shell scripts of the repository that these commands start."""
    for command, _, _ in commands:
        for program in programs_of(command):
            path = program.removeprefix("./")
            if tree.exists(path) and (
                path.endswith(".sh") or tree.read(path).startswith(("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env bash"))
            ):
                lines = enumerate(tree.read(path).splitlines()[:MOST_LINES], 1)
                # Every image has perl, and scripts edit files with it.
                yield from (
                    (line, path, number) for number, line in lines if not line.lstrip().startswith(("#", "perl "))
                )


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
