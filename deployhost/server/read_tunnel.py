"""Reading what there is of the tunnel on this machine, and what there shall be. Nothing is changed here."""

import contextlib
import hashlib
import pwd
import re
import shlex
import shutil
from pathlib import Path

from deployhost import templates
from deployhost.edge import connection
from deployhost.edge.account import RunningTunnel
from deployhost.edge.connector import is_connected, running_tunnel
from deployhost.errors import CommandFailed, CommandMissing, CommandTimedOut
from deployhost.paths import Paths
from deployhost.server.facts import install_record
from deployhost.server.facts_tunnel import (
    PACKAGE,
    PORTS,
    PROGRAM,
    REPOSITORY,
    TUNNEL,
    USER,
    USERS,
    TunnelFacts,
    TunnelSetupFiles,
    WantedTunnel,
)
from deployhost.server.installed import interpreter
from deployhost.server.kamal_services import unit
from deployhost.system import files, machine, packages, process, start_with_secret
from deployhost.system.http import Get
from deployhost.system.http import get as get_http
from deployhost.system.services import PATH, Services
from deployhost.system.supervised import supervised_definition

ASK_TIMEOUT = 20.0


def read_tunnel_facts(
    paths: Paths, services: Services, get: Get = get_http, program: Path | None = None
) -> TunnelFacts:
    """Return what there is of the tunnel on this machine; `program` is cloudflared, where it is not to be looked for."""
    distribution = machine.distribution(paths.root / "etc/os-release")
    record = packages.read_record(install_record(paths))
    places, note = TunnelSetupFiles(paths), running_tunnel(TunnelSetupFiles(paths).note)
    return TunnelFacts(
        distribution=distribution.id,
        distribution_name=distribution.name,
        packages=packages.installed(),
        install_interrupted=record.interrupted,
        version=cloudflared_version(program or find_cloudflared()),
        ours=PACKAGE in record.packages,
        listed=_listed(paths, places),
        files={path: text for path in (places.key, places.source) if (text := files.read_text(path)) is not None},
        users=frozenset(name for name in USERS if _exists(name)),
        definition=services.definition(TUNNEL),
        enabled=services.enabled(TUNNEL),
        active=services.active(TUNNEL),
        running=note,
        connected=note is not None and serves(note, get),
    )


def wanted_tunnel(paths: Paths, services: Services, program: Path | None = None) -> WantedTunnel:
    """Return what there shall be of the tunnel on this machine. The tunnel's token has to be there. Raise InvalidConfig, FileProblem."""
    cloudflared = program or find_cloudflared()
    token = connection.tunnel_token(paths)
    start = starter(paths, TunnelSetupFiles(paths).note, cloudflared)
    systemd = services.manager == "systemd"
    definition = unit(TUNNEL, EXEC=shlex.join(start), PATH=PATH) if systemd else supervised_definition(list(start))
    return WantedTunnel(
        files=TunnelSetupFiles(paths).texts(templates.read_template("keys/cloudflare.asc")),
        definition=definition,
        running=RunningTunnel(
            program=tunnel_argv(cloudflared),
            secret=hashlib.sha256((token.reveal() if token is not None else "").encode()).hexdigest(),
            file=start_with_secret.file_stamp(cloudflared),
        ),
    )


def tunnel_argv(program: Path) -> tuple[str, ...]:
    """Return the command line of cloudflared. It gets no settings of other tunnels: /dev/null is a file of them that says nothing.

    cloudflared 2026.8.2, config/configuration.go: an empty file is no error.
    """
    user = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]
    run = ["run", "--token-file", "{secret}"]
    return (
        *("/usr/bin/setpriv", *user, str(program), "--no-autoupdate"),
        *("tunnel", "--config", "/dev/null", "--metrics", "127.0.0.1:{port}", *run),
    )


def starter(paths: Paths, note: Path, program: Path) -> tuple[str, ...]:
    """Return the command line of what reads the tunnel's token and becomes cloudflared."""
    first, last = PORTS
    options = [
        *("--secret", str(TunnelSetupFiles(paths).token), "--note", str(note)),
        *("--ports", f"{first}-{last}", "--watch", str(program)),
    ]
    return (str(interpreter()), "-I", "-m", start_with_secret.__name__, *options, "--", *tunnel_argv(program))


def find_cloudflared() -> Path:
    """Return the program cloudflared, or where the package will have it."""
    found = shutil.which(PACKAGE, path=PATH)
    return PROGRAM if found is None else Path(found).resolve()


def cloudflared_version(program: Path) -> tuple[int, ...]:
    """Return the version of a cloudflared, () if there is none or it does not say."""
    with contextlib.suppress(CommandMissing, CommandFailed, CommandTimedOut):
        said = process.run([str(program), "--version"], timeout=ASK_TIMEOUT, env={"PATH": PATH}).stdout
        found = re.search(r"version (\d{4})\.(\d{1,2})\.(\d{1,3})", said)
        return tuple(map(int, found.groups())) if found else ()
    return ()


def serves(running: RunningTunnel, get: Get = get_http) -> bool:
    """Return whether that very cloudflared is connected: its port may be another one's by now."""
    if not is_connected(running.port, get):
        return False
    listener = machine.listener(running.port)
    return listener is not None and listener.pid == running.pid


def _listed(paths: Paths, places: TunnelSetupFiles) -> bool:
    folder = paths.root / "etc/apt"
    lists = [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))]
    texts = (
        files.read_text(path) or "" for path in lists if path.suffix in (".list", ".sources") and path != places.source
    )
    return any(REPOSITORY in line for text in texts for line in text.splitlines() if not line.lstrip().startswith("#"))


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
