"""Kamal's names and texts, pure. Checked against Kamal 2.11/2.12 and kamal-proxy v0.9.2 (lib/kamal/, internal/)."""

import re
from dataclasses import dataclass

from deployhost.model import WEB, AppName, ProcessName, Version

NETWORK = "kamal"  # lib/kamal/commands/docker.rb
# Never `localhost:`, which makes Kamal tunnel to itself (lib/kamal/cli/build/port_forwarding.rb).
REGISTRY = "127.0.0.1:5555"

RESTART = "unless-stopped"  # lib/kamal/configuration/role.rb

PROXY_CONTAINER = "kamal-proxy"
PROXY_REPOSITORY = "basecamp/kamal-proxy"
PROXY_VERSION = "v0.9.2"  # the minimum of Kamal 2.11 and 2.12 (lib/kamal/configuration/proxy/run.rb)
PROXY_IMAGE = f"{PROXY_REPOSITORY}:{PROXY_VERSION}"
PROXY_TITLE_LABEL = ("org.opencontainers.image.title", "kamal-proxy")  # `kamal proxy reboot` finds it by this label
PROXY_MAC = "02:64:68:00:00:01"  # by which the packet filter knows it; "locally administered", so nobody's else
PROXY_CONFIG_VOLUME = "kamal-proxy-config"
PROXY_CONFIG_PATH = "/home/kamal-proxy/.config/kamal-proxy"
PROXY_APPS_CONFIG_PATH = "/home/kamal-proxy/.apps-config"  # on the host: <home>/.kamal/proxy/apps-config

REPLACED = re.compile(r"_replaced_[0-9a-f]{16}$")  # the end of such a name


def repository(app: AppName) -> str:
    """Return the repository of an app's images, the same in both engines."""
    return f"{REGISTRY}/{app}"


def image(app: AppName, version: Version) -> str:
    """Return the reference of a release's image."""
    return f"{repository(app)}:{version}"


def latest_image(app: AppName) -> str:
    """Return the tag that Kamal reads as "what was deployed last" (lib/kamal/configuration.rb)."""
    return f"{repository(app)}:latest"


def container_name(app: AppName, process: ProcessName, version: Version) -> str:
    """Return a container's name: <service>-<role>-<version> (configuration/role.rb)."""
    return f"{app}-{process}-{version}"


def replaced_name(name: str, token: str) -> str:
    """Return the name that a container gets when a new one needs its own; `token` is 16 hex digits (cli/app/boot.rb)."""
    return f"{name}_replaced_{token}"


def version_in(name: str, app: str, process: str) -> str | None:
    """Return the version in a container's name, or None if it is not named as Kamal names those of a process.

    That of `kamal app exec` is none: <service>-<role>-exec-<version>-<hex> (commands/app/execution.rb).
    """
    prefix = f"{app}-{process}-"
    version = REPLACED.sub("", name.removeprefix(prefix))
    return version if version and name.startswith(prefix) and not version.startswith("exec-") else None


def service_name(app: AppName, process: ProcessName) -> str:
    """Return kamal-proxy's name of the service of an app's process (commands/app/proxy.rb)."""
    return f"{app}-{process}"


def aliases(app: AppName, process: ProcessName) -> tuple[str, ...]:
    """Return the names by which other containers find a process: <role>.<app>, and <app> alone for the web process.

    No app's name has a dot, so that they are unambiguous. Docker gives each container its short id as a name too, which is
    where the proxy finds it: an app whose name could be one does without the short form.
    """
    full = f"{process}.{app}"
    return (app, full) if process == WEB and not _SHORT_ID.fullmatch(app) else (full,)


def role_labels(app: AppName, process: ProcessName) -> dict[str, str]:
    """Return the labels by which Kamal finds containers; without `destination` it would not see them."""
    return {"service": app, "role": process, "destination": ""}


def container_env(app: AppName, process: ProcessName, version: Version) -> dict[str, str]:
    """Return the variables that Kamal itself adds to a container (commands/app.rb)."""
    return {
        "KAMAL_CONTAINER_NAME": container_name(app, process, version),
        "KAMAL_VERSION": version,
        "KAMAL_HOST": "127.0.0.1",
    }


def env_file(values: dict[str, str]) -> str:
    """Return the text of the role's env file as Kamal writes it: one NAME=value a line, `\\n` when empty.

    Docker's env files know no quoting, so a newline becomes the two characters backslash and n (lib/kamal/env_file.rb).
    """
    lines = [f"{name}={_escaped(value)}" for name, value in values.items()]
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    # Ruby's String#dump of the ASCII part, less the quotes: what docker then hands to the app is the escaped text.
    table = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\v": "\\v", "\b": "\\b", "\a": "\\a", "\x1b": "\\e"}
    return "".join(table.get(char, char) for char in value)


# States of a service, in the order of their numbers in the proxy's own file (internal/server/pause_controller.go).
STATES = RUNNING, PAUSED, STOPPED = "running", "paused", "stopped"


@dataclass(frozen=True)
class Route:
    """One service as `kamal-proxy list` shows it; `target` is "<short container id>:<port>"."""

    service: str
    hosts: tuple[str, ...]
    path: str
    target: str
    state: str

    def leads_to(self, container: str) -> bool:
        """Return whether requests go to the container with that id."""
        return self.target.startswith(f"{container[:12]}:")

    @property
    def port(self) -> int | None:
        """Return the port that requests go to, or None if the target names none."""
        port = self.target.rpartition(":")[2]
        return int(port) if port.isdecimal() else None


_SHORT_ID = re.compile(r"[0-9a-f]{12}")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def parse_routes(listing: str) -> dict[str, Route]:
    """Return the routes of a listing of `kamal-proxy list`, by service name. Raises ValueError if it has another form.

    The table has two spaces between columns and a header: Service, Host, Path, Target, State, TLS (internal/cmd/list.go).
    """
    lines = [line.rstrip() for line in _ANSI.sub("", listing).splitlines() if line.strip()]
    if not lines:
        return {}
    header = lines[0]
    names = ("Service", "Host", "Path", "Target", "State", "TLS")
    starts = [header.find(name) for name in names]
    if -1 in starts or starts != sorted(starts):
        raise ValueError(f"kamal-proxy list has another form than expected: {header!r}")
    ends = [*starts[1:], None]
    routes = {}
    for line in lines[1:]:
        cells = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
        service, hosts, path, target, state, _ = cells
        routes[service] = Route(service, tuple(host for host in hosts.split(",") if host), path, target, state)
    return routes
