"""The steps that bring Kamal's CLI and what it needs onto the server: data; act_kamal.py carries them out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployhost.steps import Step


@dataclass(frozen=True, kw_only=True)
class HoldBack(Step):
    """Write the files that keep a package from starting a service of its own, before it is installed."""

    files: Mapping[Path, str]


@dataclass(frozen=True, kw_only=True)
class ObtainKamal(Step):
    """Have Kamal's CLI."""

    machine: str


@dataclass(frozen=True, kw_only=True)
class WriteSshAccess(Step):
    """Have both keys, and every file of the SSH server and the registry as it shall be."""

    port: int
    pam: bool


@dataclass(frozen=True, kw_only=True)
class SetSshPort(Step):
    """Note the SSH server's port in server.yml."""

    port: int


@dataclass(frozen=True, kw_only=True)
class OwnRegistry(Step):
    """Have the registry's storage, owned by its user."""

    path: Path


@dataclass(frozen=True, kw_only=True)
class EnsureKamalBuilder(Step):
    """Have the buildx plugin where Kamal's CLI finds it."""
