"""Trees with a server in a language that is not built here, changed at random in ways that leave the server in them."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from deployhost.build.detect.languages.language import Level
from deployhost.build.detect.languages.seen import find_sign
from deployhost.build.plan import BuildPlan, plan_build
from deployhost.build.tree import MemoryTree, Tree
from deployhost.errors import NothingRecognised
from tests.inputs.trees import PAGE, REFUSED, Refused, package

Files = dict[str, str]
ROOTS = ("", "public/", "dist/", "_site/", "site/", "www/", "docs/", "build/", "out/", "static/")
DOCUMENTS = ("docs/", "site/", "_site/")
FOLDERS = ("server", "backend", "api", "app", "services/shop", "apps/shop", "src", "src/server")
COMMENTS = {
    "#": (".rb", ".ru", ".py", ".pl", ".psgi", ".cr", ".ex", ".exs", ".yml", ".yaml", ".toml", ".jl", ".r", "gemfile", "cpanfile"),
    "//": (".go", ".rs", ".java", ".kt", ".scala", ".ts", ".js", ".cs", ".swift", ".dart", ".zig", ".c", ".cpp", ".gradle", ".kts", ".sbt", ".gleam"),
    "--": (".hs", ".cabal", ".lua"),
    ";;": (".clj", ".edn"),
    "%": (".erl", ".config"),
}  # fmt: skip
# What such repositories hold beside their server, and that is none.
BESIDE: Files = {
    "README.md": "# shop\n\n    <?php echo 1;\n",
    "LICENSE": "MIT\n",
    "Makefile": "all:\n\t./build\n",
    "docker-compose.yml": "services:\n  db:\n    image: postgres:16\n",
    ".github/workflows/ci.yml": "on: push\n",
    "requirements.txt": "ansible\n",
    "deploy.py": "import subprocess\n\nif __name__ == '__main__':\n    subprocess.run(['true'])\n",
    "scripts/seed.py": "def main():\n    pass\n\n\nif __name__ == '__main__':\n    main()\n",
    "fabfile.py": "from fabric import task\n",
    "tests/smoke.py": "from flask import Flask\napp = Flask(__name__)\n",
    "tests/server.js": "require('http').createServer().listen(1)\n",
    "Gemfile": "source 'https://rubygems.org'\ngem 'fastlane'\n",
    "composer.json": '{"require-dev": {"phpunit/phpunit": "^11"}}\n',
    "deno.json": '{"fmt": {"lineWidth": 120}}\n',
    "static/app.js": "fetch('/api').then(console.log)\n",
    "assets/logo.svg": "<svg/>\n",
    "node_modules/express/index.js": "module.exports = require('./lib/express')\n",
    ".env.example": "PORT=8080\n",
    "404.html": PAGE,
    "release.sh": "#!/bin/sh\n",
    "\u00fc \U0001f600\n.txt": "x",
    "a" * 200: "",
    "picture.png": "\udc80\udcff\x00" * 50,
}
BUILDS = (
    package(scripts={"build": "vite build", "dev": "vite"}, devDependencies={"vite": "6"}),
    package(scripts={"build": "webpack", "start": "webpack serve"}, devDependencies={"webpack": "5"}),
    package(scripts={"build": "tailwindcss -i a.css -o b.css"}, devDependencies={"tailwindcss": "3"}),
    package(scripts={"build": "gulp build", "start": "gulp watch"}, devDependencies={"gulp": "5"}),
    package(scripts={"build": "esbuild app.js"}, devDependencies={"esbuild": "0.24"}),
    package(devDependencies={"prettier": "3"}),
)
# The Procfile, the start script or what they run is the sign itself there, and a workspace or a worker is no language.
STARTS = ("Procfile", "package.json", "web: COMMAND", "start.sh")
BASES = tuple(
    one for one in REFUSED if not one.path.startswith(STARTS) and "/package.json" not in " ".join(one.files)
)  # fmt: skip
SIGNS = {one.name: sign for one in BASES if (sign := find_sign(MemoryTree(one.files), served=""))}
# What is seen of them where no files are served: without it, a site's build only leaves them aside.
ALONE = {one.name: sign.level for one in BASES if (sign := find_sign(MemoryTree(one.files)))}
# Elsewhere only what plainly serves counts, and stray sources only near the root.
MOVABLE = frozenset(
    name
    for name, sign in SIGNS.items()
    if ALONE.get(name, Level.MANIFEST) >= Level.FRAMEWORK and (sign.has_manifest or "/" not in sign.path)
)


@dataclass(frozen=True)
class Mutant:
    """A tree, the case that it was made from and the names of what was done to it."""

    case: Refused
    files: Files
    done: tuple[str, ...]


class Mutator:
    """Given a seed, makes mutants: the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._changes: dict[str, Callable[[Refused, Files], None]] = {
            "pages": self._pages,
            "build": self._build,
            "beside": self._beside,
            "moved": self._moved,
            "CRLF": self._crlf,
            "header": self._header,
            "mark": self._mark,
            "longer": self._longer,
            "less": self._less,
            "many": self._many,
        }

    def mutant(self) -> Mutant:
        """Return the next one."""
        case = self._random.choice(BASES)
        files = dict(case.files)
        # Lines are added and ends changed after files have moved; each change is made once.
        chosen = self._random.sample(list(self._changes), self._random.randint(1, 5))
        done = [name for name in self._changes if name in chosen]
        for name in done:
            self._changes[name](case, files)
        return Mutant(case, files, tuple(done))

    def _pages(self, case: Refused, files: Files) -> None:
        # Beside documentation a manifest alone says nothing, nor does what may be a library.
        sign = SIGNS[case.name]
        documented = sign.level is not Level.MANIFEST and not sign.is_library
        roots = [one for one in ROOTS if documented or one not in DOCUMENTS]
        for root in self._random.sample(roots, self._random.randint(1, 3)):
            files.setdefault(f"{root}index.html", PAGE)
            if self._random.random() < 0.5:
                files.setdefault(f"{root}about.html", PAGE)

    def _build(self, case: Refused, files: Files) -> None:
        if ALONE.get(case.name, Level.MANIFEST) is Level.MANIFEST:  # which a site may have for a tool
            return
        files.setdefault("package.json", self._random.choice(BUILDS))

    def _beside(self, _case: Refused, files: Files) -> None:
        lower = {path.lower() for path in files}
        for path in self._random.sample(list(BESIDE), self._random.randint(1, 6)):
            if path.lower() not in lower:
                files[path] = BESIDE[path]

    def _moved(self, case: Refused, files: Files) -> None:
        if case.name not in MOVABLE:
            return
        # Below src/ a page is a page's own, or a sample.
        page = SIGNS[case.name].what.endswith("page")
        folder = self._random.choice([one for one in FOLDERS if not (page and one.startswith("src"))])
        for path in [one for one in case.files if one in files and not one.endswith("index.html")]:
            files[f"{folder}/{path}"] = files.pop(path)
        files.setdefault("index.html", PAGE)

    def _crlf(self, _case: Refused, files: Files) -> None:
        for path, text in files.items():
            files[path] = text.replace("\n", "\r\n")

    def _mark(self, _case: Refused, files: Files) -> None:
        for path in self._random.sample(list(files), min(len(files), 3)):
            if not path.endswith(".json"):  # JSON has none
                files[path] = "\ufeff" + files[path]

    def _header(self, _case: Refused, files: Files) -> None:
        for path in files:
            sign = next((one for one, endings in COMMENTS.items() if path.lower().endswith(endings)), None)
            if sign and not path.startswith("tests/"):
                lines = [f"{sign} line {number} of a licence" for number in range(self._random.randint(1, 300))]
                files[path] = "\n".join([*lines, files[path]])

    def _longer(self, _case: Refused, files: Files) -> None:
        for path in self._random.sample(list(files), 1):
            if not path.endswith((".json", ".toml", ".yaml", ".yml")):
                files[path] += "\n" + "x" * self._random.choice((100, 10_000, 400_000)) + "\n"

    def _less(self, case: Refused, files: Files) -> None:
        """Take away a file that the server does without."""
        spare = [path for path in files if not any(path.endswith(one) for one in case.files)]
        if spare:
            del files[self._random.choice(spare)]

    def _many(self, _case: Refused, files: Files) -> None:
        for number in range(self._random.choice((20, 400))):
            files[f"assets/{number % 7}/{number}.{self._random.choice(('js', 'css', 'md', 'svg', 'ts'))}"] = "x"


def planned(tree: Tree, templates: dict[str, str]) -> BuildPlan | None:
    """Given a tree, return what would be built from it, or None if it is refused as it should be. Raise what the planner should not."""
    try:
        return plan_build(tree, templates=templates, app="shop")
    except NothingRecognised:
        return None
