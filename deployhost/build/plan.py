"""What would be built from a tree and why. Pure, and cheap to import: `deployhost inspect ./repo` needs no server."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from deployhost.build.choose import choose
from deployhost.build.detect.candidate import Candidate, Reason, Start
from deployhost.build.detect.commands import read_procfile
from deployhost.build.detect.static.auth import unused_files
from deployhost.build.detect.workspace import servers_below
from deployhost.build.dockerfile import BaseRef, parse_dockerfile
from deployhost.build.found import SITES
from deployhost.build.ignore import left_out, render_ignore
from deployhost.build.refusals import DOCKERFILE
from deployhost.build.render import PORT, render
from deployhost.build.tree import Tree
from deployhost.model import AppName, RuntimeName


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """How an image is made of a tree.

    kind "dockerfile": the repository's own, built by what `sources` makes of it; `dockerfile` and `dockerignore` are None, `bases` are what its
    last stage needs with their lines, `syntax` is its `# syntax=` image. kind "generated": the texts are ours.
    `processes` are the Procfile's commands by name, less the web process.
    `port` is what EXPOSE names, None where nothing does; `start` is None where the Dockerfile decides.
    """

    kind: Literal["dockerfile", "generated"]
    runtime: str
    version: str | None = None
    bases: tuple[BaseRef, ...] = ()
    syntax: BaseRef | None = None
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
        start = {"argv": list(self.start.argv), "shell": self.start.shell} if self.start else None
        body = {key: list(one) if isinstance(one, tuple) else one for key, one in asdict(self).items()}
        return body | {"start": start}


def plan_build(
    tree: Tree,
    *,
    templates: Mapping[str, str],
    app: str = "app",
    runtime: RuntimeName | None = None,
    web: bool = False,
) -> BuildPlan:
    """Return what would be built from a tree; `templates` are this room's by name.

    `runtime` is what apps.yml says the tree is (None: deployhost looks), `web` whether apps.yml says how its web process is
    started. Raises NothingRecognised if no runtime fits, or if what fits lacks something: its details say what was looked for
    and what to add; LanguageNotBuilt if the tree holds a server in a language that is not built here.
    """
    if tree.exists(DOCKERFILE):
        return _own(tree)
    (detector, chosen), unusable = choose(tree, runtime=runtime, web=web)
    dockerfile = render(chosen.recipe, app=AppName(app), templates=templates)
    values = chosen.recipe.values
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
        warnings=(
            *chosen.warnings,
            *(f"left aside: {one.message}" for one in unusable),
            *left_out(tree),
            *_tree_warnings(tree),
            *unused_files(tree, used=values.get("users_source"), serves_files="users_source" in values),
            *_left_below(tree, chosen),
        ),
    )


def _left_below(tree: Tree, chosen: Candidate) -> tuple[str, ...]:
    """Return what to know where a site's server lies in a folder of its own."""
    if chosen.strength not in SITES:
        return ()
    return tuple(
        f"{member.folder}/ holds a server ({member.what}) that is not deployed: only the root is built; push that folder as an app of its own"
        for member in servers_below(tree)
    )


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
        port=parsed.ports[0] if parsed.ports else None,
        processes=read_procfile(tree).others,
        reasons=tuple(reasons),
        warnings=tuple(warnings),
    )


def _tree_warnings(tree: Tree) -> tuple[str, ...]:
    """Return what the person should know of the tree, whatever is built from it."""
    found: list[str] = []
    if tree.exists(".gitmodules"):
        found.append("git submodules are not fetched: their folders are empty in the build (.gitmodules)")
    if tree.exists(".gitattributes") and "filter=lfs" in tree.read(".gitattributes"):
        found.append("Git LFS files are not fetched: the build gets their pointers (.gitattributes)")
    found += [f"line {line} of the Procfile is ignored: {why}" for line, why in read_procfile(tree).unusable]
    return tuple(found)
