"""Image references, where an image may be had, and what a registry's refusal means. Pure."""

import re
from dataclasses import dataclass
from typing import Self

HUB = "docker.io"
HUB_SHOWN = "Docker Hub"

_IMAGE_LEVEL = re.compile(
    r"manifest unknown|not found|does not exist|access denied|access to the resource is denied|unauthorized"
    r"|no matching manifest|invalid reference",
    re.IGNORECASE,
)
_REASONS = (
    (re.compile(r"no such host|server misbehaving|name resolution"), "its name can't be resolved"),
    (re.compile(r"timeout|no answer within|deadline exceeded", re.IGNORECASE), "it does not answer"),
    (re.compile(r"sends hardly anything"), "it sends hardly anything"),
    (re.compile(r"connection refused"), "it refuses the connection"),
    (re.compile(r"unreachable|no route to host"), "there is no way to it"),
    (re.compile(r"toomanyrequests|rate limit", re.IGNORECASE), "its pull limit is reached"),
    (re.compile(r"x509|certificate"), "its certificate is not trusted"),
    (re.compile(r"manifest unknown|not found|does not exist"), "it has no such image"),
    (re.compile(r"denied|unauthorized"), "it has no such image, or not for us"),
    (re.compile(r"no matching manifest"), "it has none for this machine's architecture"),
)


@dataclass(frozen=True)
class Reference:
    """An image's reference in its parts: `repository` is in full ("library/python"), `tag` is "" where only a digest is given."""

    registry: str
    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the parts of a reference as it stands in a Dockerfile, with what Docker adds where they are left out."""
        name, _, digest = text.partition("@")
        first, slash, rest = name.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            registry, path = first, rest
        else:
            registry, path = HUB, name
        if registry == "index.docker.io":
            registry = HUB
        path, _, tag = path.partition(":")
        if registry == HUB and "/" not in path:
            path = f"library/{path}"
        return cls(registry, path, tag or ("" if digest else "latest"), digest)

    @property
    def full(self) -> str:
        """Return the reference with all of its parts."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.registry}/{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def familiar(self) -> str:
        """Return the reference as people and Docker's lists write it: without Docker Hub's own name."""
        text = self.full
        for prefix in (f"{HUB}/library/", f"{HUB}/"):
            if text.startswith(prefix):
                return text.removeprefix(prefix)
        return text

    @property
    def official(self) -> bool:
        """Return whether this is one of Docker's official images, by tag: those that the mirrors carry."""
        return self.registry == HUB and self.repository.startswith("library/") and not self.digest

    @property
    def name(self) -> str:
        """Return the repository's last part: "python"."""
        return self.repository.rpartition("/")[2]

    def on_mirror(self, mirror: str) -> str:
        """Return the reference of the same official image on a mirror, by its prefix."""
        return f"{mirror}/{self.name}:{self.tag}"


def shown(registry: str) -> str:
    """Return what people call a registry."""
    return HUB_SHOWN if registry == HUB else registry


def is_about_the_image(said: str) -> bool:
    """Return whether a registry's refusal, in the engine's words, speaks of that image only, not of the registry."""
    return _IMAGE_LEVEL.search(said) is not None


def reason(said: str) -> str:
    """Return a refusal in a few words of ours; what is unknown is quoted by its end."""
    for pattern, words in _REASONS:
        if pattern.search(said):
            return words
    return said.strip().rpartition("\n")[2][-120:].strip()


def of_login(name: str) -> str:
    """Return the registry of a login, as docker's settings name it: a URL, a host, or "*"."""
    host = name.partition("://")[2] or name
    host = host.partition("/")[0]
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host
