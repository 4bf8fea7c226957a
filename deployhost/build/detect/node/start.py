"""How a Node repository is started, or that it is a site: Procfile, the start script, main, the usual files."""

import re
import shlex
from dataclasses import dataclass, replace

from deployhost.build.detect.candidate import Reason, Strength
from deployhost.build.detect.commands import LONGEST_READ, Procfile, words_of
from deployhost.build.detect.node.package import Package
from deployhost.build.detect.node.seen import (
    is_denos,
    is_nodes,
    is_tool,
    listens,
    loads,
    may_serve,
    same_start,
    speaks_node,
    started_listens,
)
from deployhost.build.detect.versions import shown
from deployhost.build.tree import Tree, line_of

NODE_WORDS = frozenset({
    "node", "npm", "npx", "yarn", "pnpm", "bun", "bunx", "tsx", "ts-node", "nodemon", "next", "nuxt", "nest", "remix-serve", "react-router-serve",
    "pm2", "pm2-runtime",
})  # fmt: skip
SERVER_PACKAGES = (
    "express", "fastify", "koa", "@koa/router", "hono", "@hono/node-server", "@nestjs/core", "next", "nuxt", "@remix-run/node", "@remix-run/serve",
    "@remix-run/express", "@react-router/node", "@react-router/serve", "@sveltejs/adapter-node", "@astrojs/node", "@tanstack/react-start",
    "@tanstack/solid-start", "@solidjs/start", "@hapi/hapi", "polka", "restify", "h3", "nitropack", "ws", "socket.io", "@adonisjs/core",
    "@feathersjs/feathers",
)  # fmt: skip
# What answers HTTP in a program that depends on it: others are clients as well.
_ANSWERING = (
    *(name for name in SERVER_PACKAGES if name not in ("ws", "socket.io", "h3")),
    *("@slack/bolt", "@apollo/server", "uWebSockets.js", "micro"),
)
_DEV_STARTS = re.compile(
    r"(?:npx\s+)?(?:vite(?:\s+(?:dev|preview|serve))?|ng\s+serve|react-scripts(?:-ts)?\s+start|expo\s+start|astro\s+(?:dev|preview)|vue-cli-service\s+serve"
    r"|docusaurus\s+(?:start|serve)|(?:npx\s+)?(?:@11ty/)?eleventy\s.*--serve"
    r"|gatsby\s+(?:develop|serve|start)|parcel(?:\s+serve)?|webpack(?:-dev-server|\s+serve)"
    r"|vitepress\s+(?:dev|preview)|snowpack\s+dev"
    r"|live-server|http-server|serve|rspack\s+serve|rsbuild\s+(?:dev|preview)|craco\s+start|next\s+dev|nuxt\s+dev"
    r"|gulp|sirv|wrangler\s+\S+|vite\s+preview|hugo\s+serv(?:e|er)(?!.*--bind)|(?:bundle\s+exec\s+)?jekyll\s+s(?:erve)?)(?:\s.*)?"
)
# A root's command with one of these runs the scripts of a workspace's members.
DELEGATES = re.compile(
    r"\b(?:turbo|nx|lerna|rush|moon|wsrun|ultra|wireit)\b|\byarn\s+workspaces?\b"
    r"|\b(?:npm|pnpm|yarn|bun)\b[^&|;]*\s(?:-r|--recursive|-w|-ws|--workspaces?|--filter|-F|-C|--cwd|--prefix)\b"
)
_FILE_SERVERS = frozenset({"serve", "http-server", "sirv", "wrangler"})
_FILES = (
    "server.js", "index.js", "app.js", "main.js", "server.mjs", "index.mjs", "server.cjs", "index.cjs", "server.ts", "index.ts", "src/index.js",
    "src/server.js",
)  # fmt: skip
SITE_TOOLS = (
    "vite", "astro", "react-scripts", "@vue/cli-service", "@docusaurus/core", "@11ty/eleventy", "vitepress", "vuepress", "gatsby", "parcel",
    "@angular/cli",
    "@sveltejs/adapter-static", "webpack", "rollup", "esbuild", "@rspack/cli", "@rsbuild/core", "hexo", "next", "nuxt", "tailwindcss",
)  # fmt: skip


@dataclass(frozen=True)
class NodeStart:
    """What is to be run, empty for a site; and how sure that is. `seen` as in Candidate."""

    command: str
    strength: Strength
    reason: Reason
    claims_procfile: bool = False
    warnings: tuple[str, ...] = ()
    seen: bool = True


def find_start(tree: Tree, package: Package, procfile: Procfile) -> NodeStart | None:
    """Return what runs in a tree, or that it is a site, or None if nothing does."""
    if procfile.web:
        words = words_of(procfile.web)
        claims = bool(words) and words[0].rpartition("/")[2] in NODE_WORDS
        if package.exists or claims:
            reason = Reason(f"start: the Procfile's web is {shown(procfile.web)}", "Procfile", procfile.line)
            command = resolve(procfile.web, package)
            seen = is_nodes(command, package, otherwise=claims or _is_seen(tree, package))
            return NodeStart(command, Strength.SERVER, reason, claims, seen=seen)
    built = "build" in package.scripts
    exported = _static_export(tree, package)
    start = package.scripts.get("start", "").strip()
    if start and not exported and not (built and _is_dev(package, start)):
        return _by_script(tree, package, procfile, start)
    server = package.has(*SERVER_PACKAGES) if not exported else None
    framework = _framework_start(package, server) if built else None
    if framework:
        return replace(framework, seen=not DELEGATES.search(package.scripts["build"]))
    if built and (not server or package.has(*SITE_TOOLS)) and not _own_server(tree, package, server):
        tool = exported or package.has(*SITE_TOOLS)
        said = f"a site: {tool} builds it" if tool else "a site: there is a build script and no server"
        return NodeStart("", Strength.SITE, Reason(said, "package.json", package.line("build")))
    return _own_server(tree, package, server) or _guess(tree, package)


def _by_script(tree: Tree, package: Package, procfile: Procfile, start: str) -> NodeStart:
    """Return what the start script runs: only a guess where the Procfile has it for a worker, and it answers nothing."""
    dev = _is_dev(package, start) and not set(words_of(resolve(start, package))[:2]) & _FILE_SERVERS
    said = "the start script is a development server; with a build script, what it builds is served instead"
    warnings = (said,) if dev else ()
    reason = Reason(f"start: the start script is {shown(start)}", "package.json", package.line("start"))
    command = resolve("npm start", package)
    found = bool(_own_server(tree, package, None)) or started_listens(tree, command)
    answers = found or _depends(package, _ANSWERING)
    if not procfile.web and not answers and _is_worker(command, package, procfile):
        return NodeStart(command, Strength.GUESS, reason, warnings=warnings, seen=False)
    serves = _depends(package, SERVER_PACKAGES) or (not is_tool(command) and (found or may_serve(tree, command)))
    seen = is_nodes(command, package, otherwise=serves)
    return NodeStart(command, Strength.SERVER, reason, warnings=warnings, seen=seen)


def resolve(command: str, package: Package, depth: int = 5) -> str:
    """Return a command with `npm start`, `npm run x` and the like replaced by what they run: npm would stand between us and SIGTERM."""
    match = re.fullmatch(
        r"(?:npm|pnpm|yarn|bun)\s+(?:(?:run|run-script)\s+)?([A-Za-z0-9:_.-]+)(?:\s+--)?", command.strip()
    )
    name = match[1] if match else ""
    script = package.scripts.get(name, "").strip()
    runs_script = bool(match) and (name == "start" or "run" in command.split()[1] or not command.startswith("npm"))
    if not script or len(script) > LONGEST_READ or not runs_script or depth == 0 or name in ("install", "ci", "exec"):
        return command.strip()
    parts = [package.scripts.get(f"pre{name}", "").strip(), script]
    return " && ".join(resolve(one, package, depth - 1) for one in parts if one)


def _depends(package: Package, names: tuple[str, ...]) -> bool:
    """Return whether one of these packages is there when the app runs."""
    return any(name in package.dependencies for name in names)


def _is_worker(command: str, package: Package, procfile: Procfile) -> bool:
    """Return whether a command is that of a worker of the Procfile."""
    return any(same_start(resolve(one, package), command) for one in procfile.others.values())


def _has_deno(tree: Tree) -> bool:
    return tree.exists("deno.json") or tree.exists("deno.jsonc")


def _is_seen(tree: Tree, package: Package) -> bool:
    """Return whether a server of Node's is seen in a tree whatever its Procfile says."""
    found = find_start(tree, package, Procfile())
    return found is not None and found.strength is Strength.SERVER and found.seen


def _is_dev(package: Package, start: str) -> bool:
    """Return whether a start script beside a build script only serves what a build makes, as a developer would look at it."""
    return bool(_DEV_STARTS.fullmatch(resolve(start, package)[:LONGEST_READ]))


def _static_export(tree: Tree, package: Package) -> str | None:
    """Return the framework whose configuration says that it leaves files to be served, else None."""
    for path in ("next.config.js", "next.config.mjs", "next.config.ts", "next.config.cjs"):
        if package.has("next") and tree.exists(path) and re.search(r"output\s*:\s*['\"]export['\"]", tree.read(path)):
            return "next"
    for path in ("react-router.config.ts", "react-router.config.js"):
        if tree.exists(path) and re.search(r"ssr\s*:\s*false", tree.read(path)):
            return "react-router"
    if package.has("nuxt") and re.search(r"\bnuxt generate\b", package.scripts.get("build", "")):
        return "nuxt"
    return None


def _framework_start(package: Package, server: str | None) -> NodeStart | None:
    """Return how a framework's own server is started after its build, where no start script says so."""
    commands = {
        "next": "next start",
        "nuxt": "node .output/server/index.mjs",
        "@sveltejs/adapter-node": "node build",
        "@astrojs/node": "node dist/server/entry.mjs",
        "@remix-run/serve": "remix-serve build/server/index.js",
        "@react-router/serve": "react-router-serve build/server/index.js",
        "@nestjs/core": "node dist/main",
    }
    if server not in commands:
        server = next((one for one in commands if package.has(one) and server), None)
    if not server:
        return None
    reason = Reason(f"start: {server}'s own server", "package.json", package.line(server))
    return NodeStart(commands[server], Strength.SERVER, reason)


def _own_server(tree: Tree, package: Package, server: str | None) -> NodeStart | None:
    """Return the start of a file that is `main` or has a usual name, if it listens or a server is a dependency."""
    path = _entry(tree, package)
    if not path:
        return None
    text = tree.read(path)
    if not server and not package.dependencies and (is_denos(text) or (_has_deno(tree) and not speaks_node(text))):
        return None
    match = listens(text)
    if match:
        line = text.count("\n", 0, match.start()) + 1
        return NodeStart(_run(path), Strength.SERVER, Reason(f"start: {path} listens", path, line))
    named = [name for name in SERVER_PACKAGES if package.has(name)] if server else []
    used = next((name for name in named if loads(text, name)), None)
    if used is None:
        return None
    return NodeStart(_run(path), Strength.SERVER, Reason(f"start: {path} uses {used}", path, line_of(text, used)))


def _guess(tree: Tree, package: Package) -> NodeStart | None:
    path = _entry(tree, package)
    if not path or not package.exists:
        return None
    warning = f"no web server was recognised in {path}; it must listen on 0.0.0.0 and the port in $PORT"
    return NodeStart(_run(path), Strength.GUESS, Reason(f"start: {path}", path), warnings=(warning,), seen=False)


def _entry(tree: Tree, package: Package) -> str | None:
    main = package.main.removeprefix("./")
    for path in (main, f"{main}.js" if main else "", f"{main}/index.js" if main else "", *_FILES):
        if path and tree.exists(path) and path.endswith((".js", ".mjs", ".cjs", ".ts", ".mts")):
            return path
    return None


def _run(path: str) -> str:
    return f"node {shlex.quote(path)}"
