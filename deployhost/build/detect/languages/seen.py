"""Whether a tree holds a program in a language that is not built here, and how sure that is. Pure."""

from collections.abc import Iterator

from deployhost.build.detect.languages.language import Language, Level, Sign
from deployhost.build.detect.languages.listing import Listing
from deployhost.build.detect.languages.table import LANGUAGES
from deployhost.build.tree import Tree

MOST_SOURCES = 60  # files of one project that are read for code that listens
DEEPEST = 5  # folders of a project's path
NEAR = 12  # of them for a program's beginning
# Endings that what is built here has as well.
SHARED = frozenset({".js", ".mjs", ".jsx", ".ts", ".mts", ".tsx"})
# A folder with such a name holds a part of the app that runs; another one may be a tool, or a lesson.
_SERVING = frozenset({
    "server", "backend", "back-end", "back", "api", "app", "web", "service", "services", "apps", "packages", "src", "www", "site", "webapp",
    "svc", "cmd", "gateway", "http", "rest", "graphql", "worker", "core", "functions", "rails", "laravel", "php", "go", "java", "rust", "ruby",
    "elixir", "dotnet",
})  # fmt: skip


def find_sign(tree: Tree, least: Level = Level.MANIFEST) -> Sign | None:
    """Given a tree, return the strongest sign of a language that is not built here, or None if none is at least that strong."""
    listing = Listing(tree)
    best: Sign | None = None
    for language in LANGUAGES:
        for sign in _signs(listing, language):
            if sign.level >= least and (best is None or sign.level > best.level):
                best = sign
            if sign.level is Level.SERVER:
                return sign
    return best


def _signs(listing: Listing, language: Language) -> Iterator[Sign]:
    """Yield the signs of a language: its pages, then those of each of its projects, the one at the root first."""
    yield from _pages(listing, language)
    manifests: dict[str, list[str]] = {}
    for pattern in language.manifests:
        for path in listing.named(pattern):
            if language.manifest_says is None or listing.search(path, language.manifest_says):
                manifests.setdefault(path.rpartition("/")[0], []).append(path)
    for folder in sorted(
        {"", *manifests, *listing.folders(_SERVING)}, key=lambda one: (bool(one), one.count("/"), one)
    ):
        if folder.count("/") >= DEEPEST:
            continue
        sign = _project(listing, language, folder, manifests.get(folder, []))
        if sign is not None and (sign.level is Level.SERVER or _serves(folder)):
            yield sign


def _serves(folder: str) -> bool:
    """Return whether a program in this folder is likely a part of the app."""
    return not folder or any(one in _SERVING for one in folder.lower().split("/"))


def _pages(listing: Listing, language: Language) -> Iterator[Sign]:
    for path in listing.ending(language.pages, ""):
        if not language.not_pages.fullmatch(path.rpartition("/")[2].lower()):
            yield Sign(language, Level.SERVER, f"{language.name} page", path)


def _project(listing: Listing, language: Language, folder: str, manifests: list[str]) -> Sign | None:
    """Return the strongest sign of a project: the folder of manifests, or the root without one."""
    if path := next(listing.matching(language.servers, folder), None):
        return Sign(language, Level.SERVER, f"{language.name} server", path)
    sources = listing.ending(language.sources, folder) if manifests else listing.directly(language.sources, folder)
    if language.needs_source and not sources:
        return None
    mains = list(listing.matching(language.mains, folder))
    mains += [path for path in sources[:NEAR] if path not in mains and listing.search(path, language.begins)]
    if not mains and next(listing.matching(language.library, folder), None):
        return None
    programs = [path for path in mains if not listing.search(path, language.elsewhere)]
    return (
        _framework(listing, language, manifests)
        or _listening(listing, language, [*programs, *sources[:MOST_SOURCES]])
        or _weak(listing, language, manifests, mains, programs)
    )


def _framework(listing: Listing, language: Language, manifests: list[str]) -> Sign | None:
    for path in manifests:
        if found := listing.search(path, language.frameworks):
            return Sign(language, Level.SERVER, f"{language.name} server, {_shown(found[1])}", path, found[0])
    return None


def _listening(listing: Listing, language: Language, sources: list[str]) -> Sign | None:
    for path in sources:
        if not _is_test(path) and (found := listing.search(path, language.listens)):
            return Sign(language, Level.SERVER, f"{language.name} server", path, found[0])
    return None


def _weak(
    listing: Listing, language: Language, manifests: list[str], mains: list[str], programs: list[str]
) -> Sign | None:
    """Return the sign that a program is, or only its manifest, unless that is there for something else."""
    if not manifests or any(listing.search(path, language.elsewhere) for path in manifests):
        return None
    if programs:
        return Sign(language, Level.PROGRAM, f"{language.name} program", programs[0])
    if mains or any(listing.search(path, language.tools) for path in manifests):
        return None
    return Sign(language, Level.MANIFEST, f"{language.name} project", manifests[0])


def _shown(text: str) -> str:
    """Return what was found in a manifest without the quotes and signs around it."""
    return " ".join(text.strip(" \t\"'=:.,;()[]{}<>/").split())[:60]


def _is_test(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return "_test." in name or name.startswith("test_") or ".test." in name or ".spec." in name or "_spec." in name


def find_by_source(tree: Tree) -> Sign | None:
    """Given a tree that nothing else explains, return the sign of the language whose sources lie nearest to its root, or None."""
    listing = Listing(tree)
    found = [
        (path.count("/"), path, language)
        for language in LANGUAGES
        for path in listing.ending([one for one in language.sources if one not in SHARED], "")[:1]
    ]
    if not found:
        return None
    _, path, language = min(found, key=lambda one: one[:2])
    return Sign(language, Level.MANIFEST, f"{language.name} program", path)
