"""The real Kamal CLI on this machine's apps: by `deployhost kamal`, or by hand in their projects; and what a container is made of."""

import json
import re
import subprocess
from dataclasses import dataclass
from typing import Any

from deployhost.control.client import call
from deployhost.kamal import installation
from deployhost.kamal.contract import service_name
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import WEB, AppName
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from tests.real.system_under_test import App, Result, command, docker, run

PATHS = Paths()
PER_DEPLOY = ("KAMAL_CONTAINER_NAME", "KAMAL_VERSION", "DEPLOYHOST_PUSHED_AT")  # what no two releases have in common
ODD = """it's "x" \\n \\\\ $HOME ${HOME} $(id) `id` #h %s <%= 1 + 1 %> {{x}} é\t."""


def bring_kamal() -> None:
    """Have Kamal's CLI and what it needs on this server."""
    if not installation.installed(PATHS):
        run([command(), "setup", "--kamal", "--yes"], timeout=600)


def kamal(app: App, *arguments: str, check: bool = True) -> Result:
    """Given an app and Kamal's arguments, run `deployhost kamal`."""
    return run([command(), "kamal", app.name, "--", *arguments], check=check, timeout=300)


def by_hand(app: App, *arguments: str, check: bool = True) -> Result:
    """Given an app and Kamal's arguments, run the CLI as a person does who knows nothing of deployhost: in the project, with its own lock."""
    project = call(str(PATHS.control_socket), "kamal.prepare", timeout=60, name=app.name, arguments=[arguments[0]])
    done = subprocess.run(
        [str(PATHS.kamal_program), *arguments],
        cwd=project["directory"],
        env=installation.environment(PATHS, {"VERSION": project["version"]}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    result = Result(done.returncode, done.stdout, done.stderr, 0)
    if check and result.code != 0:
        raise AssertionError(f"kamal {' '.join(arguments)} ended with {result.code}:\n{result.said}")
    return result


@dataclass(frozen=True)
class Shape:
    """What a container is made of, as far as two releases of an app have it in common."""

    env: tuple[str, ...]
    mounts: tuple[tuple[str, str], ...]
    limits: dict[str, Any]
    command: tuple[str, ...]


LIMITS = (
    "Memory", "MemorySwap", "NanoCpus", "PidsLimit", "CapDrop", "CapAdd", "SecurityOpt", "Init", "RestartPolicy", "LogConfig", "NetworkMode",
)  # fmt: skip


def inspected(container: str) -> dict[str, Any]:
    """Given a container, return what `docker inspect` says."""
    found: dict[str, Any] = json.loads(docker("inspect", container))[0]
    return found


def shape(container: str) -> Shape:
    """Given a container, return what it is made of."""
    found = inspected(container)
    host = found["HostConfig"]
    limits = {name: host.get(name) for name in LIMITS} | {"StopTimeout": found["Config"].get("StopTimeout")}
    limits |= {name: sorted(limits[name] or ()) for name in ("CapDrop", "CapAdd", "SecurityOpt")}
    env = [entry for entry in found["Config"]["Env"] if not entry.startswith(tuple(f"{name}=" for name in PER_DEPLOY))]
    mounts = sorted((one.get("Source", ""), one["Destination"]) for one in found["Mounts"])
    return Shape(tuple(sorted(env)), tuple(mounts), limits, tuple(found["Config"]["Cmd"] or ()))


def running(app: App, role: str = "web") -> list[str]:
    """Given an app, return the full ids of its running containers of a role, without those of `kamal app exec`."""
    filters = [f"--filter=label=service={app.name}", f"--filter=label=role={role}", "--filter=label=destination="]
    return docker("ps", "--no-trunc", "--quiet", *filters).split()


def routed(app: App) -> str:
    """Given an app, return the short id of the container that its requests go to, "" if there is none."""
    route = KamalProxy(Docker(), PATHS.bin / "kamal-proxy").routes().get(service_name(AppName(app.name), WEB))
    return "" if route is None else route.target.partition(":")[0]


def version_of(app: App, container: str) -> str:
    """Given a container of an app, return its version as Kamal has it: what follows the process in its name."""
    name = inspected(container)["Name"].removeprefix("/")
    return re.sub(r"_replaced_[0-9a-f]{16}$", "", name.removeprefix(f"{app.name}-web-"))


def settings(app: App, lines: str) -> None:
    """Given an app and lines of settings, put them into apps.yml below its name, as a person does with an editor."""
    path = PATHS.apps_yml
    text = path.read_text()
    head = re.compile(rf"^  {re.escape(app.name)}:.*$", re.MULTILINE)
    assert head.search(text), text
    added = "".join(f"\n    {line}" for line in lines.strip().splitlines())
    path.write_text(head.sub(lambda _: f"  {app.name}:{added}", text, count=1))
