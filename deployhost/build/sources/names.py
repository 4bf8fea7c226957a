"""Images' names as Docker reads them (distribution/reference), in full, and the registries that are known. Pure."""

import re

from deployhost.build.registries import HUB, Reference
from deployhost.model import AppName

LONGEST = 255  # characters of a repository's name
_LONGEST_TEXT = 1000
# Registries that belong to somebody known, and ask only themselves for tokens. Any other could lead the engine, which connects
# from the host's own network, to an address of its choice: by its name's answers, by redirects, by the address that gives out tokens.
KNOWN = frozenset(
    {
        HUB,
        "cgr.dev",
        "container-registry.oracle.com",
        "dhi.io",
        "docker.elastic.co",
        "gcr.io",
        "ghcr.io",
        "lscr.io",
        "mcr.microsoft.com",
        "mirror.gcr.io",
        "nvcr.io",
        "public.ecr.aws",
        "quay.io",
        "registry.access.redhat.com",
        "registry.fedoraproject.org",
        "registry.gitlab.com",
        "registry.k8s.io",
        "registry.redhat.io",
        "registry.suse.com",
    }
)
_KNOWN_ENDS = (".gcr.io", ".pkg.dev", ".azurecr.io")
_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_ID = re.compile(r"[0-9a-f]{64}")


def fetched_image(app: AppName) -> str:
    """Return the name of the image that holds what was fetched for a build of an app, until that ends."""
    return f"deployhost.invalid/fetched/{app}:latest"  # no registry can have that name (RFC 2606)


def in_full(text: str) -> Reference | None:
    """Return the reference that a name means, or None if it is not the name of an image."""
    if len(text) > _LONGEST_TEXT or _ID.fullmatch(
        text.removeprefix("sha256:")
    ):  # the engine would take it for an image's id
        return None
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return None
    first, slash, path = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        first, path = HUB, name
    first = first.lower()
    path, colon, tag = path.partition(":")
    if first in (HUB, "index.docker.io"):
        first, path = HUB, path if "/" in path else f"library/{path}"
    fits = (
        _DOMAIN.fullmatch(first)
        and len(path) <= LONGEST
        and _PATH.fullmatch(path)
        and (_TAG.fullmatch(tag) or not colon)
    )
    return Reference(first, path, tag or ("" if digest else "latest"), digest) if fits else None


def is_known(registry: str) -> bool:
    """Return whether a registry is one of those that everybody's Dockerfiles name."""
    return registry in KNOWN or registry.endswith(_KNOWN_ENDS) or _ECR.fullmatch(registry) is not None
