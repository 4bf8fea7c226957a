"""Whether a build may take from an image: what is public, and what its own app made. Pure."""

from collections.abc import Collection
from enum import StrEnum

from deployhost.build.registries import HUB, Reference, shown
from deployhost.build.sources.names import is_known
from deployhost.kamal import contract
from deployhost.model import AppName

FRONTEND = ("docker/dockerfile", "docker/dockerfile-upstream")
_OUR_PORT = contract.REGISTRY.rpartition(":")[2]


class Origin(StrEnum):
    """Where an image that is here came from."""

    ABSENT = "absent"
    PULLED = "pulled"
    STAND_IN = "stand-in"
    MADE_HERE = "made here"


class ImageVerdict(StrEnum):
    """What is to be done with an image that a Dockerfile names."""

    USE = "use"
    GET = "get"


def refusal(reference: Reference, app: AppName, named: Collection[str]) -> str:
    """Return why a build of an app may not ask for an image, by its name alone, or ""; `named` are registries that the owner allows."""
    registry = reference.registry
    if registry == contract.REGISTRY:
        if f"{registry}/{reference.repository}" == contract.repository(app):
            return ""
        return f"it is in this server's own registry, where {app} may take from {contract.repository(app)} only"
    if registry.rpartition(":")[2] == _OUR_PORT and registry not in named:
        return f"it is in this server's own registry; {app} may take from {contract.repository(app)} only"
    if is_known(registry) or registry in named:
        return ""
    return f"{shown(registry)} is not a public registry that is known here, and server.yml does not name it"


def verdict(reference: Reference, origin: Origin, *, stand_in: bool) -> ImageVerdict | None:
    """Return what to do with an image by where it came from; None if it was made on this server, which is its owner's alone."""
    if reference.registry == contract.REGISTRY:
        return ImageVerdict.USE if origin is not Origin.ABSENT else None
    if origin is Origin.PULLED or (origin is Origin.STAND_IN and stand_in):
        return ImageVerdict.USE
    if origin is Origin.MADE_HERE and not reference.official:
        return None
    return ImageVerdict.GET


def is_frontend(reference: Reference) -> bool:
    """Return whether an image is Docker's own frontend for Dockerfiles."""
    return reference.registry == HUB and reference.repository in FRONTEND
