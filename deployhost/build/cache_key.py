"""What keeps an app's build cache its own: a secret that names its cache mounts, and a name that sets its steps apart.

Any Dockerfile may mount any cache by its id, and BuildKit takes the result of a step for everybody who asks for the same step.
"""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from deployhost.system import files

NAMESPACE = "BUILDKIT_CACHE_MOUNT_NS"  # a build argument of BuildKit's Dockerfile frontend (docs.docker.com/build/building/variables)
NAME = "cache.key"


@dataclass(frozen=True)
class CacheKey:
    """The secret of an app, as hexadecimal digits."""

    secret: str

    @property
    def namespace(self) -> str:
        """Return what comes before the id of each of its cache mounts."""
        return self._derived("mounts")

    @property
    def host(self) -> str:
        """Return the name of a host that its steps know besides: a part of what BuildKit knows a result by, and of no use otherwise."""
        return f"deployhost-{self._derived('steps')}"

    def _derived(self, what: str) -> str:
        return hashlib.sha256(f"{what} {self.secret}".encode()).hexdigest()[:32]


def cache_key(work: Path) -> CacheKey:
    """Return the key that lies in an app's directory of builds, which only root reads; a new one where there is none.

    Without it the next build begins with an empty cache. Raise FileProblem.
    """
    path = work / NAME
    kept = (files.read_text(path) or "").strip()
    if len(kept) != 64:
        kept = secrets.token_hex(32)
        files.write_atomically(path, f"{kept}\n".encode(), 0o600)
    return CacheKey(kept)
