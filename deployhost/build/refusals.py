"""Why a tree is not built: the errors, each with what was seen and what to do about it. Pure."""

import shlex
from collections.abc import Collection, Mapping, Sequence

from deployhost.build.detect.candidate import Candidate, Detector, Start, Strength, Unusable
from deployhost.build.detect.commands import Procfile
from deployhost.build.detect.languages.language import Sign
from deployhost.build.detect.languages.seen import find_by_source
from deployhost.build.detect.registry import detectors
from deployhost.build.detect.versions import shown
from deployhost.build.detect.workspace import WorkspaceMember, app_in
from deployhost.build.tree import Tree, is_safe_path
from deployhost.errors import LanguageNotBuilt, NothingRecognised
from deployhost.model import RuntimeName

DOCKERFILE = "Dockerfile"
EDIT = "${EDITOR:-vi} Dockerfile"
BUILT_HERE = "Python, Node and static sites"
# What a repository may hold that is no program: a page can be put beside it, and nobody's sources are published by that.
_TEXTS = (
    ".md", ".txt", ".rst", ".adoc", ".html", ".htm", ".css", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".ico", ".pdf", ".csv",
    ".woff", ".woff2", ".ttf", ".otf", ".mp3", ".mp4", ".webm",
)  # fmt: skip
_TEXT_NAMES = frozenset(
    {"license", "licence", "copying", "readme", "changelog", "authors", "notice", "codeowners", "staticfile", "cname"}
)
# Dockerfiles that are the same for everybody.
_GO = ["FROM golang:1", "WORKDIR /app", "COPY . .", "RUN go build -o /server .", "EXPOSE 8080", 'CMD ["/server"]']
_PHP = ["FROM php:8-apache", "COPY . /var/www/html/", "EXPOSE 80"]


def other_language(tree: Tree, sign: Sign, candidates: Sequence[Candidate]) -> LanguageNotBuilt:
    """Return the error that refuses a tree for the sign of a language; `candidates` are what could be built beside it."""
    language = sign.language
    article = "an" if language.name[0] in "AEIO" or language.name == "R" else "a"
    return LanguageNotBuilt(
        f"{sign.where} shows {article} {sign.what}, and {language.name} is not built here",
        hint=_dockerfile_command(tree, sign),
        details=(
            f"deployhost builds {BUILT_HERE}; anything else needs a Dockerfile",
            f"add a Dockerfile whose program listens on the port that it EXPOSEs; the usual base image is {language.image}",
            *(line for one in sorted(candidates, key=lambda one: -one.strength) for line in _instead(one, sign)),
        ),
    )


def _instead(found: Candidate, sign: Sign) -> tuple[str, ...]:
    """Return what was not built in the place of another language, and how its owner can have it built all the same."""
    if found.strength is Strength.FILES:
        root = found.recipe.values["root"] or "."
        return (
            f"the pages are not served by themselves, because that would publish the {sign.language.name} sources beside them",
            f"if they are the whole app, say so: a Staticfile with `root: {root}`, or `runtime: static` in apps.yml and `deployhost deploy`",
        )
    if found.strength is Strength.SITE:
        return (
            "what package.json builds is not served by itself, because its server would be missing",
            "if it is the whole app, say so: an empty Staticfile, or `runtime: static` in apps.yml and `deployhost deploy`",
        )
    if found.reasons[0].path == sign.path:  # the command itself needs the language
        return ()
    return (f"if {shown(str(found.start))} is the app: set `runtime: {found.runtime}` for it in apps.yml",)


def apps_lie_below(tree: Tree, members: Sequence[WorkspaceMember]) -> NothingRecognised:
    """Return the error that refuses the root of a workspace, which lists its apps."""
    startable = next((one for one in members if one.starts and is_safe_path(one.folder)), None)
    site = next((one for one in members if one.builds and not one.starts), members[0])
    hint = EDIT if startable is None else _root_scripts(tree, startable)
    return NothingRecognised(
        "the repository is the root of a workspace, and its apps lie below the root",
        hint=hint,
        details=(
            "found:",
            *(f"  {member}" for member in members),
            "only the root is built: give its package.json a start script that starts one of them",
            f"or add a Dockerfile at the root, or a Staticfile that names the folder of a built site (root: {site.folder}/dist)",
        ),
    )


def _root_scripts(tree: Tree, member: WorkspaceMember) -> str:
    """Return the command that has the root of a workspace build and start one of its members."""

    def script(name: str) -> str:
        if tree.exists("pnpm-workspace.yaml"):
            return shlex.quote(f"pnpm --filter ./{member.folder} {name}")
        return shlex.quote(f"npm run {name} --prefix {member.folder}")

    build = f"scripts.build={script('build')} " if member.builds else ""
    return f"npm pkg set {build}scripts.start={script('start')}"


def nobodys_command(procfile: Procfile) -> NothingRecognised:
    """Return the error of a Procfile whose web command is not a program of a runtime that is built here."""
    return NothingRecognised(
        f"Procfile:{procfile.line} starts {shown(procfile.web or '')}, which needs a program that is not built here",
        hint=EDIT,
        details=(
            f"deployhost builds {BUILT_HERE}, and the repository holds no server of Python or Node",
            "add a Dockerfile whose program listens on the port that it EXPOSEs",
            "if the repository is a static site: remove the web line, or set `runtime: static` for the app in apps.yml",
        ),
    )


def only_workers(workers: Mapping[str, str]) -> NothingRecognised:
    """Return the error of a Procfile with workers alone, in a tree without a server."""
    names = ", ".join(workers)
    return NothingRecognised(
        f"the Procfile starts only {names}, and the repository holds no web server",
        hint="${EDITOR:-vi} Procfile",
        details=(
            *(f"{name}: {shown(command)}" for name, command in workers.items()),
            "an app needs a web process: a deploy is live once that answers HTTP on $PORT",
            "add a server, if only for a status page, and a line that starts it: `web: COMMAND`",
        ),
    )


def not_of(runtime: RuntimeName) -> NothingRecognised:
    """Return the error of a tree that has nothing of the runtime that apps.yml names."""
    wanted = {
        RuntimeName.STATIC: "no index.html and no build script",
        RuntimeName.NODE: "no package.json and no server.js",
        RuntimeName.PYTHON: "no requirements.txt, no pyproject.toml and no app.py",
    }
    return NothingRecognised(
        f"apps.yml says runtime: {runtime}, but the repository has {wanted[runtime]}",
        hint="editor /etc/deployhost/apps.yml",
        details=(
            "without `runtime`, deployhost looks for itself; a change takes effect on the next `deployhost deploy`",
        ),
    )


def two_servers(top: Sequence[tuple[Detector, Candidate]]) -> NothingRecognised:
    """Return the error of a tree that holds a server of more than one runtime: it asks for a decision."""
    names = " and ".join(detector.name for detector, _ in top)
    return NothingRecognised(
        f"the repository holds a server of each of {names}: which one is the app?",
        hint=f"echo 'web: {_example(top[0][1].start)}' > Procfile",
        details=(
            *(f"{detector.name}: {found.reasons[0]}" for detector, found in top),
            f"a Procfile with a web line decides, or `runtime: {top[0][0].name}` for the app in apps.yml",
        ),
    )


def nothing(tree: Tree, unusable: Sequence[Unusable]) -> NothingRecognised:
    """Return the error of a tree in which nothing can be built: it says what to add. `unusable` is what was recognised."""
    if unusable:
        first = unusable[0]
        others = tuple(f"also: {one.message}" for one in unusable[1:] if one.message != first.message)
        return NothingRecognised(first.message, hint=first.hint, details=(*first.details, *others))
    paths = tree.paths()
    programs = holds_programs(paths)
    if programs and (sign := find_by_source(tree)):
        return other_language(tree, sign, [])
    message = "nothing in the repository says how it is built"
    below = _below(tree)
    if programs and not below:
        message += ", and no language that deployhost knows was seen"
    # Nobody's programs are to be published as a static site.
    advising = [one for one in detectors() if not (programs and one.name == RuntimeName.STATIC)]
    return NothingRecognised(
        message if paths else "the repository is empty",
        hint=EDIT if programs else "echo '<h1>Hello</h1>' > index.html",
        details=(
            *(below if paths else ("it holds no files",)),
            "looked for, at the root:",
            "  Dockerfile",
            *(f"  {one.looked_for}" for one in detectors()),
            "add one of:",
            "  Dockerfile: anything that listens on the port that it EXPOSEs",
            *(f"  {one.advice}" for one in advising),
        ),
    )


def holds_programs(paths: Collection[str]) -> bool:
    """Return whether one of a tree's files may be a program: anything but texts, pages, pictures and settings of git."""
    for path in paths:
        *folders, name = path.lower().split("/")
        hidden = name.startswith(".") or any(folder.startswith(".") for folder in folders)
        if not hidden and not name.endswith(_TEXTS) and name.partition(".")[0] not in _TEXT_NAMES:
            return True
    return False


def _dockerfile_command(tree: Tree, sign: Sign) -> str:
    """Return the command that makes a Dockerfile: a whole one where that is the same for everybody, else an editor."""
    if sign.language.name == "Go" and tree.exists("go.mod") and "/" not in sign.path and not _has_client(tree):
        lines = _GO
    elif sign.language.name == "PHP" and tree.exists("index.php") and not tree.exists("composer.json"):
        lines = _PHP
    else:
        return EDIT
    return f"printf '%s\\n' {' '.join(map(shlex.quote, lines))} > Dockerfile"


def _has_client(tree: Tree) -> bool:
    """Return whether something of the tree is built by Node, which a plain Dockerfile of another language would leave out."""
    return any(path.rpartition("/")[2] == "package.json" for path in tree.paths())


def _example(start: Start) -> str:
    """Return a start as a Procfile's command; one that would break the line or the quotes of a hint becomes a plain one."""
    text = str(start).removeprefix("exec ")
    return text if text.isprintable() and "'" not in text else "python app.py"


def _below(tree: Tree) -> tuple[str, ...]:
    """Return what was found in folders: an app in one of its own is the usual reason for finding nothing at the root."""
    paths = [path for path in tree.paths() if not path.startswith(".")]
    folders = sorted({path.partition("/")[0] for path in paths if "/" in path})[:20]
    folders += sorted(
        {"/".join(path.split("/")[:2]) for path in paths if path.startswith("apps/") and path.count("/") > 1}
    )[:20]
    found = ((folder, app_in(tree, folder)) for folder in folders)
    return tuple(
        f"{folder!r} holds an app ({kind}), but only the root is built: push that folder, or add a Dockerfile at the root"
        for folder, kind in found
        if kind
    )
