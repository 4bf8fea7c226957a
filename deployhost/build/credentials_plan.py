"""Which of the host's logins an app's builds have used so far, when every build was lent all of them. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from deployhost.build.dockerfile import parse_dockerfile
from deployhost.build.registries import Reference, of_login

PYTHON = ("requirements", "pyproject.toml", "uv.lock", "Pipfile", "setup.py")  # how the names of files begin
NODE = ("package.json",)


@dataclass(frozen=True)
class HostLogins:
    """What the host logs in with: whether at pip's indexes and npm's registries, and the registries of images ("*": any)."""

    pip: bool = False
    npm: bool = False
    registries: Collection[str] = ()


def uses_logins(names: Collection[str], dockerfile: str | None, host: HostLogins) -> bool:
    """Return whether a build of a tree may have used a login; `names` are the files at its top, `dockerfile` its own one's text.

    Where it can't be told, it may have: an upgrade must not break a build.
    """
    if dockerfile is None:
        python = any(name.startswith(PYTHON) for name in names)
        return (host.pip and python) or (host.npm and any(name in NODE for name in names))
    if (host.pip and "pip_conf" in dockerfile) or (host.npm and "npmrc" in dockerfile):
        return True
    known = {of_login(name) for name in host.registries}
    images = [image.ref for image in parse_dockerfile(dockerfile).images]
    return any(_may_need(ref, known) for ref in images)


def _may_need(ref: str, known: Collection[str]) -> bool:
    if "$" in ref:
        return bool(known)
    image = Reference.parse(ref)
    return not image.official and not {"*", image.registry}.isdisjoint(known)
