"""An app's storage: its directory, the user that may write there, the containers that have it mounted."""

import contextlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from deployhost.build import labels
from deployhost.containers import image_user
from deployhost.containers.attempt import Attempt
from deployhost.errors import BootFailed, NotFound
from deployhost.model import MOUNTED_AT, AppName
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import TABLE_LIMIT, Container, ContainerSpec, Image
from deployhost.system.tree import directories


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The storage of apps: has it there, owned by the user of the release that is about to start."""

    docker: Docker
    paths: Paths

    def prepare(self, attempt: Attempt, image: Image, container: str = "") -> None:
        """Have an attempt's storage directory, where it has storage, owned by its image's user.

        `container` is one of that image; without it, one is made where a user's name has to be looked up in the image, and
        removed again. Raise BootFailed if the image does not know its own user.
        """
        if not attempt.config.storage:
            return
        app = attempt.deploy.app
        directory = self.paths.storage(app)
        if not directory.exists() and self._was_mounted(app, container):
            attempt.progress.note(f"the storage directory {directory} was missing: it was made anew, and is empty")
        directory.mkdir(parents=True, exist_ok=True)
        owner = self._owner(attempt, image, container)
        now = directory.stat()
        if (now.st_uid, now.st_gid) != owner:
            _hand_over(directory, (now.st_uid, now.st_gid), owner)

    def mounted_in(self, container: Container, app: AppName) -> bool:
        """Return whether a container has an app's storage mounted."""
        return (str(self.paths.storage(app)), MOUNTED_AT) in container.mounts

    def _was_mounted(self, app: AppName, new: str) -> bool:
        """Return whether an earlier container of an app has its storage, so that a missing directory was lost."""
        others = self.docker.containers({"service": app})
        return any(self.mounted_in(other, app) for other in others if other.id != new)

    def _owner(self, attempt: Attempt, image: Image, container: str) -> tuple[int, int]:
        """Return uid and gid of an image's USER, by the image's own passwd and group where it is a name."""
        if not image_user.needs_tables(image.user):
            found = image_user.owner(image.user)
        else:
            made = "" if container else self._container(attempt, image)
            try:
                passwd, groups = (self._table(container or made, path) for path in ("/etc/passwd", "/etc/group"))
                found = image_user.owner(image.user, passwd, groups)
            finally:
                if made:
                    self.docker.remove(made, force=True)
        if found is None:
            raise BootFailed(f"the image's user {image.user!r} is not in its /etc/passwd and /etc/group")
        return found

    def _container(self, attempt: Attempt, image: Image) -> str:
        """Create a container, never to be started, so that files of its image can be read; return its id."""
        app = attempt.deploy.app
        # Labelled as a release command's, so that one that a crash leaves behind is found and removed.
        said = {"service": app, "role": "", labels.DEPLOY_LABEL: str(attempt.deploy.id)}
        name = f"{app}-users-exec-{attempt.version}-{secrets.token_hex(3)}"
        every = labels.of_container(image.labels, said)
        return self.docker.create(ContainerSpec(name=name, image=image.id, labels=every, command=("true",)))

    def _table(self, container: str, path: str) -> str:
        try:
            return self.docker.read_file(container, path, limit=TABLE_LIMIT).decode("utf-8", "replace")
        except NotFound:
            return ""


def _hand_over(directory: Path, old: tuple[int, int], new: tuple[int, int]) -> None:
    """Give what belongs to the old owner in a storage directory to the new one. Never follows a link."""
    for descriptor in directories(directory):
        with os.scandir(descriptor) as entries:
            for entry in entries:
                _hand_over_one(entry.name, descriptor, old, new)
    os.chown(directory, *new)


def _hand_over_one(name: str, directory: int, old: tuple[int, int], new: tuple[int, int]) -> None:
    with contextlib.suppress(FileNotFoundError):  # the app deleted it
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        # A file with several names might be anybody's, linked in to be handed over.
        hard_linked = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)
        if (found.st_uid, found.st_gid) == old and not hard_linked:
            os.chown(name, *new, dir_fd=directory, follow_symlinks=False)
