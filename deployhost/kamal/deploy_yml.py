"""An app as Kamal's config/deploy.yml: what `kamal deploy`, `rollback` and `app boot` make of it equals what we make. Pure.

A container that Kamal makes has only what stands here (Kamal 2.11, lib/kamal/commands/app.rb), so every field of a ContainerSpec is
turned into Kamal's words in one place, `_options`. Checked against Kamal 2.11 (lib/kamal/configuration/).
"""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployhost.config.app import AppConfig
from deployhost.kamal import contract
from deployhost.kamal.yaml_text import Value, render
from deployhost.model import WEB, AppName, ProcessName
from deployhost.system.docker_model import ContainerSpec

RETAINED = 5  # containers that `kamal prune` keeps, as Kamal has it by default
WORKER_DELAY = 2  # seconds that a worker must have run (readiness_delay); Kamal's own 7 would be felt in each deploy
NANO = 10**9
LOG_DRIVER = "json-file"


@dataclass(frozen=True)
class Ssh:
    """How Kamal reaches a server: the port, the key and the client's settings of an SSH server on this machine."""

    port: int
    key: Path
    config: Path


@dataclass(frozen=True)
class Registry:
    """Where Kamal pushes images and pulls them from; the password is a value, or the name of a secret."""

    server: str
    username: str
    password: str | None = None
    secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class Build:
    """What Kamal builds: a directory and a Dockerfile, for one kind of machine."""

    arch: str
    context: str = "."
    dockerfile: str = "Dockerfile"
    driver: str | None = "docker"


@dataclass(frozen=True, kw_only=True)
class KamalApp:
    """One app as Kamal is to see it. `roles` is what each process's container is made from, the web process among them.

    `secrets` are names only; `env_file` holds what Kamal would change on its way (env_values.py). `hosts`, `port` and `health`
    are what the settings have become: found, or of another server.
    """

    config: AppConfig
    roles: Mapping[ProcessName, ContainerSpec]
    hosts: tuple[str, ...]
    port: int
    health: str
    secrets: tuple[str, ...] = ()
    env_file: Path | None = None
    servers: tuple[str, ...] = ("127.0.0.1",)
    labels: Mapping[str, str] = field(default_factory=dict)
    registry: Registry
    build: Build
    ssh: Ssh | None = None
    proxy_port: int | None = None  # of kamal-proxy on loopback; None: Kamal's default, every address

    @property
    def app(self) -> AppName:
        """Return the app's name, which is Kamal's service."""
        return self.config.name


def deploy_yml(app: KamalApp, *, header: str = "", comments: Mapping[str, str] | None = None) -> str:
    """Return the text of an app's config/deploy.yml, with `header` at the top and `comments` by dotted path."""
    top = "".join(f"# {line}".rstrip() + "\n" for line in header.splitlines())
    return top + render(document(app), comments)


def document(app: KamalApp) -> dict[str, Value]:
    """Return an app's deploy.yml as data."""
    web = app.roles[WEB]
    shared = tuple(bind for bind in web.binds if all(bind in spec.binds for spec in app.roles.values()))
    found: dict[str, Value] = {
        "service": str(app.app),
        "image": str(app.app),
        "servers": {str(name): _role(app, spec, shared) for name, spec in app.roles.items()},
        "proxy": _proxy(app),
        "registry": _registry(app.registry),
        "builder": _builder(app.build),
        "env": {"clear": dict(sorted(web.env.items())), "secret": list(app.secrets)},
    }
    if shared:
        found["volumes"] = list(shared)
    if app.labels:
        found["labels"] = dict(app.labels)
    found["logging"] = {"driver": LOG_DRIVER, "options": {"max-size": web.log_max_size}}
    if app.ssh is not None:
        found["ssh"] = _ssh(app.ssh)
    return found | {
        "deploy_timeout": math.ceil(app.config.boot_limit),
        "drain_timeout": math.ceil(app.config.drain),
        "readiness_delay": WORKER_DELAY,
        "retain_containers": RETAINED,
    }


def _role(app: KamalApp, spec: ContainerSpec, shared: tuple[str, ...]) -> dict[str, Value]:
    role: dict[str, Value] = {"hosts": list(app.servers)}
    if spec.command is not None:
        # Kamal hands it to a shell on the server, which takes it apart again.
        role["cmd"] = shlex.join(spec.command)
    options = _options(spec, shared)
    if app.env_file is not None:
        options["env-file"] = str(app.env_file)
    if options:
        role["options"] = options
    own = {key: value for key, value in spec.env.items() if app.roles[WEB].env.get(key) != value}
    if own:
        role["env"] = {"clear": dict(sorted(own.items()))}
    return role


def _options(spec: ContainerSpec, shared: tuple[str, ...]) -> dict[str, Value]:
    """Return the options of `docker run` for a container, but for the binds that all of the app's containers share.

    Name, image, labels, network, host name, variables and command are Kamal's to say; the restart policy is the one that it
    insists on.
    """
    found: dict[str, Value] = {}
    if spec.init:
        found["init"] = True
    if spec.memory is not None:
        found["memory"] = found["memory-swap"] = f"{spec.memory}b"
    if spec.cpus is not None:
        found["cpus"] = _decimal(spec.cpus)
    if spec.pids_limit is not None:
        found["pids-limit"] = str(spec.pids_limit)
    if spec.stop_timeout is not None:
        found["stop-timeout"] = str(spec.stop_timeout)
    if spec.mac is not None:
        found["mac-address"] = spec.mac
    several = {
        "cap-drop": spec.cap_drop,
        "cap-add": spec.cap_add,
        "security-opt": spec.security_opt,
        "network-alias": spec.aliases,
        "volume": tuple(bind for bind in spec.binds if bind not in shared),
        "publish": tuple(f"{ip}:{host}:{inside}" for inside, (ip, host) in spec.ports.items()),
    }
    return found | {name: list(values) for name, values in several.items() if values}


def _proxy(app: KamalApp) -> dict[str, Value]:
    found: dict[str, Value] = {
        "hosts": list(app.hosts),
        "app_port": app.port,
        "ssl": False,
        "healthcheck": {"path": app.health, "interval": 1, "timeout": 5},
        # Kamal's default is to buffer both, which holds back streams until they end.
        "buffering": {"requests": False, "responses": False},
        "response_timeout": math.ceil(app.config.response_timeout),
    }
    if app.proxy_port is not None:
        # Whoever boots the proxy with Kamal must not open it to the internet: its default binds every address. Kamal's own
        # `bind_ips` would publish port 443 too, which set-up's proxy does not.
        found["run"] = {
            "publish": False,
            "options": {"publish": [f"127.0.0.1:{app.proxy_port}:80"], "mac-address": contract.PROXY_MAC},
            "repository": contract.PROXY_REPOSITORY,
            "version": contract.PROXY_VERSION,
        }
    return found


def _registry(registry: Registry) -> dict[str, Value]:
    password: Value = [registry.secret] if registry.secret is not None else registry.password or ""
    return {"server": registry.server, "username": registry.username, "password": password}


def _builder(build: Build) -> dict[str, Value]:
    found: dict[str, Value] = {"arch": build.arch}
    if build.driver is not None:
        found["driver"] = build.driver
    return found | {"context": build.context, "dockerfile": build.dockerfile, "provenance": False}


def _ssh(ssh: Ssh) -> dict[str, Value]:
    return {"user": "root", "port": ssh.port, "keys_only": True, "keys": [str(ssh.key)], "config": [str(ssh.config)]}


def _decimal(number: float) -> str:
    """Return CPUs as Docker takes them, with at most nine digits after the point."""
    whole, rest = divmod(round(number * NANO), NANO)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
