"""The steps that bring cloudflared and its service onto the server, and take them off: data; act_tunnel.py carries them out."""

from collections.abc import Mapping
from pathlib import Path

from deployhost.steps import Step


class WriteAptSource(Step):
    """Have apt know Cloudflare's packages, and the key that signs them."""

    files: Mapping[Path, str]


class InstallCloudflared(Step):
    """Install cloudflared, or a newer one."""

    packages: tuple[str, ...]


class CreateUsers(Step):
    """Create users of the system that nobody can log in as."""

    names: tuple[str, ...]


class StartTunnel(Step):
    """Start cloudflared, now and at each boot, and wait until it is connected."""

    name: str


class RestartTunnel(Step):
    """Restart cloudflared; while it does, another one serves."""

    name: str


class UninstallPackages(Step):
    """Remove packages that set-up installed."""

    packages: tuple[str, ...]


class UninstallUsers(Step):
    """Delete users that set-up created."""

    names: tuple[str, ...]
