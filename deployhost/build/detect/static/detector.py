"""Static files, served by nginx as they are."""

import re

from deployhost.build.detect.candidate import Candidate, Detector, Reason, Recipe, Start, Strength, Unusable
from deployhost.build.detect.static.auth import BadUsers, find_login
from deployhost.build.detect.versions import NGINX_BASE, shown
from deployhost.build.tree import Tree, is_safe_path

STATICFILE = "Staticfile"
NGINX_START = Start(("nginx", "-e", "stderr", "-c", "/etc/nginx/deployhost.conf", "-g", "daemon off;"))
_ROOTS = ("", "public", "dist", "_site", "site", "www", "docs", "build", "out", "static")
_SETTING = re.compile(r"(root|index_fallback|pushstate)\s*:\s*(.*)", re.IGNORECASE)
MOST_LINES = 100
_NO_PAGES = frozenset({"404.html", "200.html", "50x.html"})


def detect(tree: Tree) -> Candidate | Unusable | None:
    """Return how a tree's files are served, why they can't be, or None if it has no index.html where one is looked for."""
    named, fallback, warnings = configured_root(tree)
    roots = (named,) if named is not None else _ROOTS
    root = next((one for one in roots if tree.exists(f"{one}/index.html" if one else "index.html")), None)
    if root is None:
        return None if named is None or tree.exists("package.json") else _no_page(named)
    try:
        login = find_login(tree, root)
    except BadUsers as error:
        return error.unusable("static")
    inside = f"{root}/" if root else ""
    single = sum(_is_page(path) for path in tree.paths() if path.startswith(inside)) == 1
    index = f"{inside}index.html"
    if tree.read(index).startswith("---\n"):
        warnings += (f"{index} begins with front matter, which a site generator such as Jekyll has to build first",)
    reasons = [Reason("static files, served by nginx", index)]
    if fallback if fallback is not None else single:
        why = "the Staticfile says so" if fallback else "it is the only page"
        reasons.append(Reason(f"paths without a file get index.html: {why}", index))
    values = {
        "nginx_base": NGINX_BASE,
        "root": root,
        "source": inside or ".",
        "fallback": single if fallback is None else fallback,
        "start": NGINX_START.argv,
        "users_in_site": login.path is not None and login.path.startswith(inside),
    } | login.values
    recipe = Recipe("static.Dockerfile.j2", (NGINX_BASE,), values, login.files)
    reasons += login.reasons
    return Candidate("static", None, Strength.FILES, recipe, NGINX_START, tuple(reasons), (*warnings, *login.warnings))


def _is_page(path: str) -> bool:
    *folders, name = path.split("/")
    return name.endswith(".html") and name not in _NO_PAGES and not any(one.startswith(".") for one in (*folders, name))


def _no_page(root: str) -> Unusable:
    shown_root = shown(root or ".")
    return Unusable(
        "static",
        f"the Staticfile names the root {shown_root}, which holds no index.html",
        ("root is the folder of the pages, from the top of the repository: `root: public`",),
        "${EDITOR:-vi} Staticfile",
    )


def configured_root(tree: Tree) -> tuple[str | None, bool | None, tuple[str, ...]]:
    """Return the root and the index fallback that a tree's Staticfile names (None: nothing said), and warnings."""
    if not tree.exists(STATICFILE):
        return None, None, ()
    root: str | None = None
    fallback: bool | None = None
    warnings: tuple[str, ...] = ()
    for number, line in enumerate(tree.read(STATICFILE).splitlines()[:MOST_LINES], 1):
        match = _SETTING.fullmatch(line.strip())
        if not match:
            if line.strip() and not line.lstrip().startswith("#") and ":" not in line:
                why = "is ignored: it must be `key: value`, as in `root: public`"
                warnings += (f"line {number} of the Staticfile {why}",)
            continue
        value = re.sub(r"^[\"']|[\"']$", "", match[2])
        if match[1].lower() != "root":
            fallback = value.lower() in ("true", "yes", "enabled", "on", "1")
            continue
        path = value.removeprefix("./").strip("/")
        # What can't be a folder of the repository is taken for one that holds no page.
        root = "" if path in ("", ".") else path
        if root and not is_safe_path(path):
            why = "names a root that can't be: use letters, digits, . _ - and /"
            warnings += (f"line {number} of the Staticfile {why}",)
    return root, fallback, warnings


DETECTOR = Detector(
    name="static",
    priority=90,
    detect=detect,
    looked_for="Static files: index.html at the root or in public/, or where a Staticfile says `root: folder`",
    advice="Static files: an index.html at the root",
)
