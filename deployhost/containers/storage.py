"""An app's storage: its directory, whose hands it is in, the containers that have it mounted.

A release writes as the user of its image, so storage changes hands where that is another user than before. Nothing that runs may have
it then: SQLite, for one, answers "attempt to write a readonly database" from then on.
"""

from dataclasses import dataclass

from deployhost.containers.attempt import Attempt
from deployhost.containers.capabilities import starts_as_root
from deployhost.containers.image_users import ROOT, ImageUsers
from deployhost.journal.releases import Releases
from deployhost.journal.uids import StorageOwners
from deployhost.model import MOUNTED_AT, AppName
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Container, Image
from deployhost.system.owners import Owner, Owners


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The storage of apps: has it there, and gives it to the user of the release that is about to start, and back."""

    docker: Docker
    paths: Paths
    releases: Releases
    image_users: ImageUsers
    owners: Owners
    storage_owners: StorageOwners

    def prepare(self, attempt: Attempt, image: Image, user: Owner, container: str = "") -> Owner | None:
        """Have an attempt's storage directory, where it has storage, and return the owner that its release needs, None for any.

        One that is there already does not change hands yet. `user` is the image's own, `container` the new one.
        """
        if not attempt.config.storage:
            return None
        app = attempt.deploy.app
        directory, owner = self.paths.storage(app), self._needed(app, image, user)
        if self.owners.of(directory) is None:
            if self._was_mounted(app, container):
                attempt.progress.note(f"the storage directory {directory} was missing: it was made anew, and is empty")
            self.owners.make(directory, owner or ROOT)
        return owner

    def is_anothers(self, app: AppName, owner: Owner | None) -> bool:
        """Return whether an app's storage has to change hands before a release may start that needs this owner."""
        if owner is None:
            return False
        return self.owners.of(self.paths.storage(app)) != owner or self.is_lent(app)

    def hand_over(self, app: AppName, owner: Owner | None) -> bool:
        """Give an app's storage to an owner; return whether it was another's. Nothing may run that has it mounted.

        Until `give_back`, or until the release is live, the journal says whose it was. Raise FileProblem.
        """
        directory = self.paths.storage(app)
        if owner is None or not self.is_anothers(app, owner):
            return False
        now, known = self.owners.of(directory) or ROOT, self.storage_owners.of(app)
        more = (ROOT,) if self._was_roots(app) else ()
        owners = tuple(dict.fromkeys((*known, now, *more, owner)))
        self.storage_owners.note(app, owners)
        self.owners.give(directory, owners, owner)
        return True

    def give_back(self, app: AppName) -> None:
        """Have an app's storage in the hands of before, where a release had it that did not become live. Raise FileProblem.

        Nothing may run that has it mounted.
        """
        if owners := self.storage_owners.of(app):
            self.owners.give(self.paths.storage(app), owners, owners[0])
            self.storage_owners.settled(app)

    def is_lent(self, app: AppName) -> bool:
        """Return whether an app's storage is in the hands of a release that is not live yet."""
        return self.storage_owners.of(app) != ()

    def is_out_of_hand(self, container: Container, app: AppName) -> bool:
        """Return whether a container that is to be live has storage which its user does not own."""
        image = self.docker.image(container.image_id) if self.mounted_in(container, app) else None
        if image is None or starts_as_root(image.user):
            return False
        return self.is_anothers(app, self.image_users.owner(image, container.id))

    def mounted_in(self, container: Container, app: AppName) -> bool:
        """Return whether a container has an app's storage mounted."""
        return (str(self.paths.storage(app)), MOUNTED_AT) in container.mounts

    def _was_mounted(self, app: AppName, new: str) -> bool:
        """Return whether an earlier container of an app has its storage, so that a missing directory was lost."""
        others = self.docker.containers({"service": app})
        return any(self.mounted_in(other, app) for other in others if other.id != new)

    def _needed(self, app: AppName, image: Image, user: Owner) -> Owner | None:
        """Return the owner that an image needs.

        One that starts as root gives its storage to whom it likes; that is left as it is unless another kind of image had it.
        """
        return None if starts_as_root(image.user) and self._was_roots(app) else user

    def _was_roots(self, app: AppName) -> bool:
        """Return whether an app's live release starts as root: what lies in its storage may be root's or anybody's."""
        live = self.releases.live(app)
        image = None if live is None else self.docker.image(live.image)
        return image is not None and starts_as_root(image.user)
