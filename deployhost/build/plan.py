"""What would be built from a tree and why. Pure, and cheap to import: `deployhost inspect ./repo` needs no server."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from deployhost.build.detect.candidate import Candidate, Detector, Reason, Start, Strength, Unusable
from deployhost.build.detect.commands import read_procfile
from deployhost.build.detect.registry import detectors
from deployhost.build.detect.static_auth import unused_files
from deployhost.build.dockerfile import BaseRef, parse_dockerfile
from deployhost.build.ignore import left_out, render_ignore
from deployhost.build.render import PORT, render
from deployhost.build.tree import FolderTree, Tree
from deployhost.errors import NothingRecognised
from deployhost.model import AppName

DOCKERFILE = "Dockerfile"
SOURCE_SUFFIXES = (
    ".py", ".js", ".ts", ".go", ".rs", ".rb", ".php", ".java", ".kt", ".scala", ".clj", ".cs", ".fs", ".ex", ".exs", ".erl", ".hs", ".ml", ".c",
    ".cc", ".cpp", ".zig", ".nim", ".cr", ".swift", ".dart", ".lua", ".pl", ".r", ".jl",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """How an image is made of a tree.

    kind "dockerfile": the repository's own, used as it is; `dockerfile` and `dockerignore` are None, `bases` are what its
    last stage needs with their lines, `syntax` is its `# syntax=` image. kind "generated": the texts are ours.
    `processes` are the Procfile's commands by name, less the web process.
    `port` is what EXPOSE names, None where nothing does; `start` is None where the Dockerfile decides.
    """

    kind: Literal["dockerfile", "generated"]
    runtime: str
    version: str | None = None
    bases: tuple[BaseRef, ...] = ()
    syntax: BaseRef | None = None
    heredoc_line: int | None = None
    start: Start | None = None
    port: int | None = None
    processes: Mapping[str, str] = field(default_factory=dict)
    dockerfile: str | None = None
    dockerignore: str | None = None
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def refs(self) -> tuple[str, ...]:
        """Return the base images by name only."""
        return tuple(base.ref for base in self.bases)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as `inspect --json` prints it."""
        return {
            "kind": self.kind,
            "runtime": self.runtime,
            "version": self.version,
            "bases": [{"ref": base.ref, "line": base.line} for base in self.bases],
            "syntax": {"ref": self.syntax.ref, "line": self.syntax.line} if self.syntax else None,
            "start": {"argv": list(self.start.argv), "shell": self.start.shell} if self.start else None,
            "port": self.port,
            "processes": dict(self.processes),
            "dockerfile": self.dockerfile,
            "dockerignore": self.dockerignore,
            "reasons": [reason.to_json() for reason in self.reasons],
            "warnings": list(self.warnings),
        }


def plan_build(tree: Tree, *, templates: Mapping[str, str], app: str = "app") -> BuildPlan:
    """Given a tree, the templates of this room by name and the app's name, return what would be built.

    Raise NothingRecognised if no runtime fits, or if what fits lacks something: its details say what was looked for and what to add.
    """
    if tree.exists(DOCKERFILE):
        return _own(tree)
    asked = [(detector, detector.detect(tree)) for detector in detectors()]
    candidates = [(detector, found) for detector, found in asked if isinstance(found, Candidate)]
    unusable = [found for _, found in asked if isinstance(found, Unusable)]
    # What was recognised but can't be built outranks files that only happen to be there.
    if not candidates or (unusable and all(found.strength < Strength.SITE for _, found in candidates)):
        raise _nothing(tree, unusable)
    detector, chosen = _choose(candidates)
    dockerfile = render(chosen.recipe, app=AppName(app), templates=templates)
    ignored = tuple(f"left aside: {one.message}" for one in unusable)
    return BuildPlan(
        kind="generated",
        runtime=detector.name,
        version=chosen.version,
        bases=tuple(BaseRef(ref) for ref in chosen.recipe.bases),
        start=chosen.start,
        port=PORT,
        processes=read_procfile(tree).others,
        dockerfile=dockerfile,
        dockerignore=render_ignore(tree, chosen.recipe.needed),
        reasons=chosen.reasons,
        warnings=(*chosen.warnings, *ignored, *left_out(tree), *_tree_warnings(tree), *_unused_logins(tree, chosen)),
    )


def _unused_logins(tree: Tree, chosen: Candidate) -> tuple[str, ...]:
    values = chosen.recipe.values
    return unused_files(tree, used=values.get("users_source"), serves_files="users_source" in values)


def _own(tree: Tree) -> BuildPlan:
    """Return the plan of a repository that brings its own Dockerfile."""
    parsed = parse_dockerfile(tree.read(DOCKERFILE))
    warnings = [*_tree_warnings(tree), *unused_files(tree, used=None, serves_files=False)]
    if not parsed.stages:
        warnings.append("Dockerfile has no FROM: the build will fail")
    if tree.exists(".env") and not tree.exists(".dockerignore"):
        warnings.append(".env is in git, and without a .dockerignore the Dockerfile may copy it into the image")
    reasons = [Reason("the repository's own Dockerfile is used as it is", DOCKERFILE)]
    if len(parsed.ports) > 1:
        reasons.append(Reason(f"of the ports that it exposes, {parsed.ports[0]} is the first", DOCKERFILE))
    return BuildPlan(
        kind="dockerfile",
        runtime="dockerfile",
        bases=parsed.images,
        syntax=parsed.syntax,
        heredoc_line=parsed.heredoc_line,
        port=parsed.ports[0] if parsed.ports else None,
        processes=read_procfile(tree).others,
        reasons=tuple(reasons),
        warnings=tuple(warnings),
    )


def _choose(candidates: list[tuple[Detector, Candidate]]) -> tuple[Detector, Candidate]:
    """Return the strongest candidate; of two servers, the one that the Procfile's command belongs to. Raise NothingRecognised if it is open."""
    best = max(found.strength for _, found in candidates)
    top = [one for one in candidates if one[1].strength is best]
    if best is Strength.SERVER and len(top) > 1:
        claiming = [one for one in top if one[1].claims_procfile]
        if len(claiming) != 1:
            names = " and ".join(detector.name for detector, _ in top)
            raise NothingRecognised(
                f"the repository holds a server of each of {names}: which one is the app?",
                hint=f"echo 'web: {_example(top[0][1].start)}' > Procfile",
                details=(
                    *(f"{detector.name}: {found.reasons[0]}" for detector, found in top),
                    "a Procfile with a web line decides",
                ),
            )
        return claiming[0]
    return top[0]


def _example(start: Start) -> str:
    """Return a start as a Procfile's command; one that would break the line or the quotes of a hint becomes a plain one."""
    text = str(start).removeprefix("exec ")
    return text if text.isprintable() and "'" not in text else "python app.py"


def _nothing(tree: Tree, unusable: list[Unusable]) -> NothingRecognised:
    """Return the error that says what was looked for and what to add."""
    if unusable:
        first = unusable[0]
        others = tuple(f"also: {one.message}" for one in unusable[1:] if one.message != first.message)
        return NothingRecognised(first.message, hint=first.hint, details=(*first.details, *others))
    details = _below(tree) if tree.paths() else ("the commit holds no files",)
    looked = tuple(line for detector in detectors() for line in detector.looked_for)
    advice = tuple(line for detector in detectors() for line in detector.advice)
    return NothingRecognised(
        "the repository is empty" if not tree.paths() else "nothing in the repository says how it is built",
        hint=_first_file(tree),
        details=(
            *details,
            "looked for, at the root:",
            "  Dockerfile",
            *(f"  {line}" for line in looked),
            "add one of:",
            "  Dockerfile: anything that listens on the port that it EXPOSEs",
            *(f"  {line}" for line in advice),
        ),
    )


def _first_file(tree: Tree) -> str:
    """Return the command that makes what is missing: a page where there is no program yet, a Dockerfile where there is one."""
    lines: tuple[str, ...]
    if tree.exists("go.mod") and any(path.endswith(".go") and "/" not in path for path in tree.paths()):
        lines = (
            "FROM golang:1",
            "WORKDIR /app",
            "COPY . .",
            "RUN go build -o /server .",
            "EXPOSE 8080",
            'CMD ["/server"]',
        )
    elif tree.exists("index.php"):
        lines = ("FROM php:8-apache", "COPY . /var/www/html/", "EXPOSE 80")
    elif any(path.endswith(SOURCE_SUFFIXES) for path in tree.paths()):
        return "${EDITOR:-vi} Dockerfile"
    else:
        return "echo '<h1>Hello</h1>' > index.html"
    return f"printf '%s\\n' {' '.join(map(shlex.quote, lines))} > Dockerfile"


def _below(tree: Tree) -> tuple[str, ...]:
    """Return what was found one level down: an app in a folder of its own is the usual reason for finding nothing at the root."""
    folders = sorted({path.partition("/")[0] for path in tree.paths() if "/" in path and not path.startswith(".")})
    found: list[str] = []
    for folder in folders[:20]:
        inside = FolderTree(tree, folder)
        names = (
            [DOCKERFILE]
            if inside.exists(DOCKERFILE)
            else [one.name for one in detectors() if isinstance(one.detect(inside), Candidate)]
        )
        if names:
            found.append(
                f"{folder!r} holds an app ({', '.join(names)}), but only the root is built: push that folder, or add a Dockerfile at the root"
            )
    return tuple(found)


def _tree_warnings(tree: Tree) -> tuple[str, ...]:
    """Return what the person should know of the tree, whatever is built from it."""
    found: list[str] = []
    if tree.exists(".gitmodules"):
        found.append("git submodules are not fetched: their folders are empty in the build (.gitmodules)")
    if tree.exists(".gitattributes") and "filter=lfs" in tree.read(".gitattributes"):
        found.append("Git LFS files are not fetched: the build gets their pointers (.gitattributes)")
    found += [f"the Procfile's line {line} is left out: {why}" for line, why in read_procfile(tree).unusable]
    return tuple(found)
