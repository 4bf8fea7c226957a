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
    """How Kamal builds the Dockerfile: for one kind of machine."""

    arch: str
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
    return _said(
        {
            "service": str(app.app),
            "image": str(app.app),
            "servers": {str(name): _role(app, spec, shared) for name, spec in app.roles.items()},
            "proxy": _proxy(app),
            "registry": _registry(app.registry),
            "builder": _builder(app.build),
            "env": {"clear": dict(sorted(web.env.items())), "secret": list(app.secrets)},
            "volumes": list(shared),
            "labels": dict(app.labels),
            "logging": {"driver": LOG_DRIVER, "options": {"max-size": web.log_max_size}},
            "ssh": None if app.ssh is None else _ssh(app.ssh),
            "deploy_timeout": math.ceil(app.config.boot_limit),
            "drain_timeout": math.ceil(app.config.drain),
            "readiness_delay": WORKER_DELAY,
            "retain_containers": RETAINED,
        }
    )


def _role(app: KamalApp, spec: ContainerSpec, shared: tuple[str, ...]) -> dict[str, Value]:
    own = {key: value for key, value in spec.env.items() if app.roles[WEB].env.get(key) != value}
    return _said(
        {
            "hosts": list(app.servers),
            # Kamal hands it to a shell on the server, which takes it apart again.
            "cmd": None if spec.command is None else shlex.join(spec.command),
            "options": _options(spec, shared) | ({} if app.env_file is None else {"env-file": str(app.env_file)}),
            "env": {"clear": dict(sorted(own.items()))} if own else None,
        }
    )


def _options(spec: ContainerSpec, shared: tuple[str, ...]) -> dict[str, Value]:
    """Return the options of `docker run` for a container, but for the binds that all of the app's containers share.

    Name, image, labels, network, host name, variables and command are Kamal's to say; the restart policy is the one that it
    insists on.
    """
    memory = None if spec.memory is None else f"{spec.memory}b"
    return _said(
        {
            "init": True if spec.init else None,
            "memory": memory,
            "memory-swap": memory,
            "cpus": None if spec.cpus is None else _decimal(spec.cpus),
            "pids-limit": None if spec.pids_limit is None else str(spec.pids_limit),
            "stop-timeout": None if spec.stop_timeout is None else str(spec.stop_timeout),
            "oom-score-adj": None if spec.oom_score_adj is None else str(spec.oom_score_adj),
            "storage-opt": None if spec.size is None else f"size={spec.size}",
            "mac-address": spec.mac,
            "cap-drop": list(spec.cap_drop),
            "cap-add": list(spec.cap_add),
            "security-opt": list(spec.security_opt),
            "network-alias": list(spec.aliases),
            "volume": [bind for bind in spec.binds if bind not in shared],
            "publish": [f"{ip}:{host}:{inside}" for inside, (ip, host) in spec.ports.items()],
        }
    )


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
    found = {"arch": build.arch, "driver": build.driver, "context": ".", "dockerfile": "Dockerfile"}
    return _said(found) | {"provenance": False}


def _ssh(ssh: Ssh) -> dict[str, Value]:
    return {"user": "root", "port": ssh.port, "keys_only": True, "keys": [str(ssh.key)], "config": [str(ssh.config)]}


def _decimal(number: float) -> str:
    """Return CPUs as Docker takes them, with at most nine digits after the point."""
    whole, rest = divmod(round(number * NANO), NANO)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")


def _said(values: Mapping[str, "Value | None"]) -> dict[str, Value]:
    """Return what is to be written: neither None nor an empty list or mapping."""
    return {key: value for key, value in values.items() if value is not None and value not in ([], {})}
