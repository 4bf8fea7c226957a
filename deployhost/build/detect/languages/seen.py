"""Whether a tree holds a program in a language that is not built here, and how sure that is. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from deployhost.build.detect.languages.language import COMMON, SHARED, Language, Level, Sign
from deployhost.build.detect.languages.listing import TreeListing
from deployhost.build.detect.languages.table import LANGUAGES
from deployhost.build.tree import Tree

MOST_SOURCES = 60  # files of one project that are read
MOST_PROJECTS = 30  # of one language
DEEPEST = 6  # folders of a project's path
# A folder with such a name holds a part of the app that runs; another one may be a tool, or a lesson.
_BARE = frozenset(
    {"server", "backend", "back-end", "api", "app", "apps", "service", "services", "cmd", "svc", "webapp", "src"}
)
_SERVING = _BARE | {"web", "www", "gateway", "rest", "graphql", "worker", "core", "functions", "packages", "crates"}
# Where a web server looks for pages that it runs, "" being the root.
_WEB = frozenset({
    "", "public", "public_html", "htdocs", "httpdocs", "html", "www", "web", "webroot", "webapp", "static", "site", "api", "server", "backend",
    "back-end", "app", "apps", "service", "services", "php", "cgi-bin", "forms", "mail", "includes", "inc", "admin", "assets", "pages", "views",
    "web-inf",
})  # fmt: skip
_INTERPRETER = re.compile(r"^#!\s*\S*/(?:env\s+)?(?:perl|python|ruby|bash|sh)")
_DOCUMENTS = frozenset({"docs", "doc", "documentation"})


def find_sign(
    tree: Tree, least: Level = Level.MANIFEST, *, served: str | None = None, documents: bool = False
) -> Sign | None:
    """Return the strongest sign of a language that is not built here, or None if there is none of at least this level.

    `served` is the folder whose files would be published as they are ("" is the root, None: there is none); with `documents`
    they are likely about a library, so that the manifest of sources without a program says nothing. Of equal signs a
    project's comes before a stray file's, and an upper one's before a lower one's.
    """
    listing = TreeListing(tree)
    signs = (sign for language in LANGUAGES for sign in _signs(listing, language, served) if sign.level >= least)
    return max((one for one in signs if not (documents and one.is_library)), key=_weight, default=None)


def _weight(sign: Sign) -> tuple[int, bool, int, int]:
    return min(sign.level, Level.FRAMEWORK), sign.has_manifest, sign.level, -sign.path.count("/")


def find_by_source(tree: Tree) -> Sign | None:
    """Return a sign of the language whose sources lie nearest to the root, or None: for a tree that nothing else explains."""
    listing = TreeListing(tree)
    found = [
        (path.count("/"), path, language)
        for language in LANGUAGES
        for path in listing.ending([one for one in language.sources if one not in SHARED], "")[:1]
    ]
    if not found:
        return None
    _, path, language = min(found, key=lambda one: one[:2])
    return Sign(language, Level.MANIFEST, f"{language.name} program", path)


def _signs(listing: TreeListing, language: Language, served: str | None) -> Iterator[Sign]:
    """Yield the signs of a language: its pages, then those of each of its projects, the one at the root first."""
    yield from _pages(listing, language, served)
    manifests: dict[str, list[str]] = {}
    for pattern in language.manifests:
        for path in listing.named(pattern.removeprefix("/"))[: MOST_PROJECTS * 2]:
            if pattern.startswith("/") and "/" in path:
                continue
            if language.manifest_says is None or listing.search(path, language.manifest_says):
                manifests.setdefault(path.rpartition("/")[0], []).append(path)
    folders = sorted({"", *manifests, *listing.folders(_BARE)}, key=lambda one: (bool(one), one.count("/"), one))
    for folder in folders[: MOST_PROJECTS * 2]:
        if folder.count("/") >= DEEPEST:
            continue
        sign = _project(listing, language, folder, manifests.get(folder, []))
        if sign is not None and (sign.level >= Level.FRAMEWORK or served == "" or _serves(folder)):
            yield sign


def _serves(folder: str) -> bool:
    """Return whether a program in this folder is likely a part of the app."""
    return not folder or not _SERVING.isdisjoint(folder.lower().split("/"))


def _pages(listing: TreeListing, language: Language, served: str | None) -> Iterator[Sign]:
    """Yield a sign for each file that a web server runs at a request."""
    certain = (*listing.pages(language.pages), *listing.below(language.page_folders))
    perhaps = (path for path in listing.pages(language.maybe_pages) if listing.search(path, language.listens))
    for path in (*certain, *perhaps):
        folder, _, name = path.rpartition("/")
        published = served is not None and (not served or f"{path}/".startswith(f"{served}/"))
        runs = published or folder.partition("/")[0].lower() in _WEB or folder.startswith("src/main/webapp")
        # Beside a folder that is published on its own, it is a source of something else.
        beside = not runs and (bool(served) or not _DOCUMENTS.isdisjoint(folder.split("/")))
        if beside or language.not_pages.fullmatch(name.lower()):
            continue
        if not listing.search(path, language.hands_out):
            by = listing.search(path, _INTERPRETER) if language.page_folders else None
            what = f"{re.split('[/ ]', by[1])[-1].capitalize()} {language.name} page" if by else f"{language.name} page"
            yield Sign(language, Level.SERVER if runs else Level.MANIFEST, what, path)


@dataclass(frozen=True)
class _Project:
    """A folder with manifests of a language, or one of stray sources: its sources less tests, and of these where programs begin.

    `own` are the manifests that do not only gather other projects; `programs` are the beginnings of what runs here; `library`
    is whether it holds what a library does, `explained` whether its manifests are there for something else.
    """

    language: Language
    manifests: list[str]
    own: list[str]
    sources: list[str]
    mains: list[str]
    programs: list[str]
    library: bool
    explained: bool


def _project(listing: TreeListing, language: Language, folder: str, manifests: list[str]) -> Sign | None:
    """Return the strongest sign of a project: the folder of manifests, or a folder of sources without one."""
    if language.elsewhere_wins and listing.first(manifests, language.elsewhere):
        return None
    for path in listing.matching(language.servers, folder):
        if not listing.search(path, language.hands_out):
            return Sign(language, Level.SERVER, f"{language.name} server", path, has_manifest=bool(manifests))
    project = _read(listing, language, folder, manifests)
    if project.library and not project.mains:
        return None
    places = [] if manifests else [*project.sources, *listing.matching(language.places, folder)]
    return (
        _listening(listing, project, [*project.programs, *places], Level.SERVER)
        or _framework(listing, project)
        or _listening(listing, project, project.sources, Level.FRAMEWORK)
        or (None if project.explained else _weak(listing, project))
    )


def _read(listing: TreeListing, language: Language, folder: str, manifests: list[str]) -> _Project:
    # A manifest that is there for something else does not make sources below it a program.
    explained = next(listing.matching(language.beside, folder), None) is not None
    sources = _sources(listing, language, folder, [] if explained else manifests)
    mains = [path for path in listing.matching(language.mains, folder) if not language.not_mains.search(path)]
    begun = (path for path in sources if not language.not_mains.search(path) and listing.search(path, language.begins))
    mains += [path for path in begun if path not in mains]
    programs = [path for path in mains if not listing.search(path, language.elsewhere)]
    library = any(path not in mains for path in listing.matching(language.library, folder))
    gathering = [one for one in manifests if listing.search(one, language.gathers)]
    own = [one for one in manifests if one not in gathering or listing.search(one, language.gathered)]
    return _Project(language, manifests, own, sources, mains, programs, library, explained)


def _sources(listing: TreeListing, language: Language, folder: str, manifests: list[str]) -> list[str]:
    """Return the sources of a project that are read, less tests: of a folder without a manifest only those right in it."""
    if manifests:
        found = listing.ending(language.sources, folder)
    elif folder.partition("/")[0].lower() == "src" and not COMMON.isdisjoint(language.sources):
        found = []  # a page's own code, or that of a library
    else:
        found = listing.directly(language.sources, folder)
    return [path for path in found[: MOST_SOURCES * 2] if not _is_test(path)][:MOST_SOURCES]


def _framework(listing: TreeListing, project: _Project) -> Sign | None:
    language = project.language
    if found := listing.first(project.own, language.frameworks):
        path, line, text = found
        return Sign(language, Level.FRAMEWORK, f"{language.name} server, {_shown(text)}", path, line, has_manifest=True)
    return None


def _listening(listing: TreeListing, project: _Project, sources: list[str], level: Level) -> Sign | None:
    language = project.language
    if found := listing.first(sources, language.listens):
        path, line, _ = found
        return Sign(language, level, f"{language.name} server", path, line, has_manifest=bool(project.manifests))
    return None


def _weak(listing: TreeListing, project: _Project) -> Sign | None:
    """Return the sign that a program is, or only its manifest, unless that is there for something else."""
    language, manifests = project.language, project.manifests
    if listing.first(manifests, language.elsewhere) or listing.first(manifests, language.tools):
        return None
    if not project.own or (language.needs_source and not project.sources):
        return None
    what = f"{language.name} program"
    if project.programs:
        path = project.programs[0]
        return Sign(language, Level.PROGRAM, what, path, has_manifest=True, is_library=project.library)
    if found := listing.first(manifests, language.runs):
        path, line, text = found
        return Sign(language, Level.PROGRAM, f"{what}, {_shown(text)}", path, line, has_manifest=True)
    if project.mains:
        return None
    what, path = f"{language.name} project", project.own[0]
    is_library = bool(project.sources) and not language.manifest_serves
    return Sign(language, Level.MANIFEST, what, path, has_manifest=True, is_library=is_library)


def _shown(text: str) -> str:
    """Return what was found in a manifest without the quotes and signs around it."""
    return " ".join(re.sub(r"[\"'`]", "", text).strip(" \t=:.,;()[]{}<>/").split())[:60]


def _is_test(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return "_test." in name or name.startswith("test_") or ".test." in name or ".spec." in name or "_spec." in name
