"""Which steps bring cloudflared and its service. Pure."""

from collections.abc import Iterator
from pathlib import Path

from deployhost.errors import SetupFailed
from deployhost.server import steps, steps_tunnel
from deployhost.server.facts_tunnel import LEAST, PACKAGE, TUNNEL, USERS, TunnelFacts, WantedTunnel
from deployhost.steps import Plan, Step

SUPPORTED = ("debian", "ubuntu")
AGAIN = "deployhost connect cloudflare"


def plan_tunnel(facts: TunnelFacts, wanted: WantedTunnel) -> Plan:
    """Return the steps from what there is to what shall be.

    Raise SetupFailed if cloudflared is too old and somebody else's, or can't be installed on this distribution.
    """
    return Plan((*_program(facts, wanted), *_users(facts), *_service(facts, wanted)), tuple(_notes(facts)))


def remove_program(packages: tuple[str, ...], files: tuple[Path, ...]) -> Iterator[Step]:
    """Yield the steps that take away the packages and files which set-up brought for the tunnel."""
    if packages:
        yield steps_tunnel.UninstallPackages(
            what=f"remove {', '.join(packages)}", why="setup installed it for the tunnel", packages=packages
        )
    if files:
        yield steps.UninstallFiles(
            what=f"delete {', '.join(map(str, files))}", why="setup wrote them for the tunnel", paths=files
        )


def shown_version(version: tuple[int, ...]) -> str:
    """Return a version as cloudflared writes it."""
    return ".".join(map(str, version))


def _program(facts: TunnelFacts, wanted: WantedTunnel) -> Iterator[Step]:
    is_there = facts.version >= LEAST
    if facts.version and not is_there and not facts.ours:
        raise SetupFailed(
            f"cloudflared {shown_version(facts.version)} is installed, but it can't read a token from a file: "
            f"that takes {shown_version(LEAST)} or later",
            hint=f"apt-get update && apt-get install {PACKAGE}",
        )
    if not is_there and facts.distribution not in SUPPORTED:
        raise SetupFailed(
            f"{facts.distribution_name} is neither Debian nor Ubuntu: install cloudflared {shown_version(LEAST)} or later yourself",
            hint=AGAIN,
        )
    wrong = {path: text for path, text in wanted.files.items() if facts.files.get(path) != text}
    # Two sources of the same packages with different keys make apt refuse both.
    if wrong and not facts.listed and (not is_there or facts.files):
        yield steps_tunnel.WriteAptSource(
            what="add Cloudflare's packages to apt", why="cloudflared comes from there, signed", files=wrong
        )
    if not is_there:
        needed = tuple(name for name in ("ca-certificates", PACKAGE) if name not in facts.packages or name == PACKAGE)
        yield steps_tunnel.InstallCloudflared(
            what="install cloudflared", why="it keeps the tunnel to Cloudflare open", packages=needed
        )
    elif facts.install_interrupted:
        yield steps_tunnel.InstallCloudflared(
            what="finish an installation of packages", why="an earlier one was interrupted", packages=()
        )


def _users(facts: TunnelFacts) -> Iterator[Step]:
    missing = tuple(name for name in USERS if name not in facts.users)
    if missing:
        yield steps_tunnel.CreateUsers(
            what=f"create the system users {' and '.join(missing)}",
            why="what strangers reach runs without root's rights",
            names=missing,
        )


def _service(facts: TunnelFacts, wanted: WantedTunnel) -> Iterator[Step]:
    if facts.definition != wanted.definition:
        yield steps.DefineService(
            what=f"define the service {TUNNEL}",
            why="it runs cloudflared as a user of its own",
            name=TUNNEL,
            text=wanted.definition,
        )
    if not (facts.active and facts.enabled):
        yield steps_tunnel.StartTunnel(
            what=f"start {TUNNEL}", why="it is not running, or does not start at boot", name=TUNNEL
        )
        return
    running = facts.running
    if running is None or running.program != wanted.running.program:
        why = "its command line changed"
    elif running.secret != wanted.running.secret:
        why = "the tunnel has another token: without it, cloudflared can't connect again"
    elif running.file != wanted.running.file:
        why = "cloudflared was upgraded"
    else:
        return
    yield steps_tunnel.RestartTunnel(
        what=f"restart {TUNNEL}", why=f"{why}; another one serves during the restart", name=TUNNEL
    )


def _notes(facts: TunnelFacts) -> Iterator[str]:
    if facts.version >= LEAST and not facts.ours:
        yield f"the existing cloudflared {shown_version(facts.version)} is used"
    if facts.active and not facts.connected:
        yield f"{TUNNEL} runs but is not connected to Cloudflare just now; it keeps trying"
