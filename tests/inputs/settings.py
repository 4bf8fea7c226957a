"""For each setting of an app and of the server, a value that is not its default: what a test changes, one at a time."""

from typing import Any

from deployhost.config.process import ProcessConfig
from deployhost.config.reachable import HostDoor
from deployhost.model import AppName, Branch, Domain, EngineName, ProcessName, RepositoryName, RuntimeName, Strategy

OF_AN_APP: dict[str, Any] = {
    "branch": Branch("live"),
    "source": RepositoryName("acme/shop"),
    "domains": (Domain("shop.example.com"),),
    "storage": True,
    "health": "/healthz",
    "port": 9000,
    "strategy": Strategy.HANDOVER,
    "memory": 64 * 1024**2,
    "cpus": 0.5,
    "log_size": 50 * 1024**2,
    "processes": {ProcessName("worker"): ProcessConfig("./work")},
    "release": "./migrate",
    "may_reach": (AppName("api"), HostDoor("host:5432")),
    "auto_rollback": False,
    "boot_limit": 5,
    "drain": 7,
    "response_timeout": 11,
    "stop_timeout": 3,
    "stand_in_bases": True,
    "build_credentials": True,
    "runtime": RuntimeName.STATIC,
    "engine": EngineName.KAMAL,
    "trust_repo_config": True,
}
OF_THE_SERVER: dict[str, Any] = {
    "http_port": 8080,
    "ssh_port": 823,
    "webhook_host": "hooks.example.com",
    "mirrors": (),
    "registries": ("registry.example.com:5000",),
    "build_memory": 1024**3,
    "build_cpus": 1.5,
    "build_timeout": 60,
    "builds_at_once": 2,
    "disk_reserve": 1024**3,
    "build_cache": 1024**3,
}
