"""Which user an image runs as, in numbers: what its USER says, looked up in its own files where that is a name."""

import secrets
from dataclasses import dataclass

from deployhost.build.labels import DEPLOY_LABEL, of_container
from deployhost.containers import image_user
from deployhost.containers.attempt import Attempt
from deployhost.containers.capabilities import starts_as_root
from deployhost.errors import BootFailed, NotFound
from deployhost.system.docker import Docker
from deployhost.system.docker_model import TABLE_LIMIT, ContainerSpec, Image
from deployhost.system.owners import Owner

ROOT = Owner(0, 0)


@dataclass(frozen=True, kw_only=True)
class ImageUsers:
    """The users of images."""

    docker: Docker

    def owner(self, image: Image, container: str) -> Owner:
        """Return uid and gid of an image's user; `container` is one of that image. Raise BootFailed if it does not know its own user."""
        if starts_as_root(image.user):
            found: tuple[int, int] | None = ROOT
        elif not image_user.needs_tables(image.user):
            found = image_user.owner(image.user)
        else:
            passwd, groups = (self._table(container, path) for path in ("/etc/passwd", "/etc/group"))
            found = image_user.owner(image.user, passwd, groups)
        if found is None:
            raise BootFailed(f"the image's user {image.user!r} is not in its /etc/passwd and /etc/group")
        return Owner(*found)

    def owner_by_image(self, attempt: Attempt, image: Image) -> Owner:
        """Return what `owner` returns where there is no container yet: one is made if it is needed, and removed again."""
        if starts_as_root(image.user) or not image_user.needs_tables(image.user):
            return self.owner(image, "")
        made = self._container(attempt, image)
        try:
            return self.owner(image, made)
        finally:
            self.docker.remove(made, force=True)

    def _container(self, attempt: Attempt, image: Image) -> str:
        """Create a container, never to be started, so that files of its image can be read; return its id."""
        app = attempt.deploy.app
        # Labelled as a release command's, so that one that a crash leaves behind is found and removed.
        said = {"service": app, "role": "", DEPLOY_LABEL: str(attempt.deploy.id)}
        name = f"{app}-users-exec-{attempt.version}-{secrets.token_hex(3)}"
        labels = of_container(image.labels, said)
        return self.docker.create(ContainerSpec(name=name, image=image.id, labels=labels, command=("true",)))

    def _table(self, container: str, path: str) -> str:
        try:
            return self.docker.read_file(container, path, limit=TABLE_LIMIT).decode("utf-8", "replace")
        except NotFound:
            return ""
