"""The steps that bring Kamal's CLI and what it needs onto the server: data; act_kamal.py carries them out."""

from collections.abc import Mapping
from pathlib import Path

from deployhost.steps import Step


class HoldBack(Step):
    """Write the files that keep a package from starting a service of its own, before it is installed."""

    files: Mapping[Path, str]


class ObtainKamal(Step):
    """Have Kamal's CLI."""

    machine: str


class WriteSshAccess(Step):
    """Have both keys, and every file of the SSH server and the registry as it shall be."""

    port: int
    pam: bool


class SetSshPort(Step):
    """Note the SSH server's port in server.yml."""

    port: int


class OwnRegistry(Step):
    """Have the registry's storage, owned by its user."""

    path: Path


class GuardRegistry(Step):
    """Have only root reach the registry."""


class EnsureKamalBuilder(Step):
    """Have the buildx plugin where Kamal's CLI finds it."""
