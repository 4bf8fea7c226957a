"""The user of each app whose image is generated here: a uid of its own, and nobody's on the server."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from deployhost.build.labels import APP_LABEL, UID_LABEL
from deployhost.containers.attempt import Attempt
from deployhost.containers.uid_plan import FIRST, choose_uid, is_ours, read_uid
from deployhost.errors import BootFailed, InternalError
from deployhost.journal.uids import Uids
from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.system.docker import Docker
from deployhost.system.docker_model import Image
from deployhost.system.host_accounts import HostAccounts
from deployhost.system.owners import Owners


@dataclass(frozen=True, kw_only=True)
class AppUsers:
    """Gives each app a uid, the same for all of its builds. A lost journal learns it again from the images and the storage."""

    docker: Docker
    paths: Paths
    uids: Uids
    owners: Owners
    host_accounts: HostAccounts
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def uid_of(self, app: AppName) -> int:
        """Return an app's uid, for its user and its group.

        It gets another one if an account of the server has its own by now, or may use it. Raise FileProblem, InternalError.
        """
        with self._lock:
            known = self.uids.of(app)
            if known is not None and self._is_nobodys(known):
                return known
            uid = self._seen(app) if known is None else None
            if uid is None:
                uid = self._choose(app)
            self.uids.give(app, uid)
            return uid

    def check(self, attempt: Attempt, image: Image, uid: int) -> None:
        """Say so if the uid that an attempt's image runs as is an account's. Raise BootFailed if it is another app's, or may become that."""
        app = attempt.deploy.app
        other = self.uids.app_of(uid) if is_ours(uid) else app
        if other is None and not _was_given(image, app, uid):
            raise BootFailed(
                f"the image runs as the user {uid}, and the numbers from {FIRST} on are given to apps: name another USER in the Dockerfile"
            )
        if other not in (None, app):
            raise BootFailed(
                f"the image runs as the user {uid}, which is the app {other}'s: name another USER in the Dockerfile"
            )
        account = None if uid == 0 else self.host_accounts.user(uid)
        if account is not None:
            attempt.progress.note(
                f"warning: the image runs as the user {uid}, which is the account {account} of this server: that account can read "
                "the app's variables and files"
            )

    def _seen(self, app: AppName) -> int | None:
        """Return the uid that an app has by its own images, the newest first, or by its storage."""
        labels = (image.labels.get(UID_LABEL, "") for image in self.docker.images(f"{APP_LABEL}={app}"))
        owner = self.owners.of(self.paths.storage(app))
        found = [uid for label in labels if (uid := read_uid(label)) is not None]
        found += [owner.uid] if owner is not None and is_ours(owner.uid) else []
        others = self._others(app) if found else set()
        return next((uid for uid in found if uid not in others and self._is_nobodys(uid)), None)

    def _choose(self, app: AppName) -> int:
        try:
            return choose_uid(self._others(app), self.host_accounts.subordinate(), self._is_account)
        except ValueError as error:
            raise InternalError(f"{app} can't get a user of its own: {error}") from error

    def _others(self, app: AppName) -> set[int]:
        """Return every number that another app has or had: by the journal, by images, or by what is left of its storage."""
        found = {uid for other, uid in self.uids.all().items() if other != app}
        return found | set(self._labelled(app)) | set(self._storing(app))

    def _labelled(self, app: AppName) -> Iterator[int]:
        for image in self.docker.images(UID_LABEL):
            uid = read_uid(image.labels.get(UID_LABEL, ""))
            if uid is not None and image.labels.get(APP_LABEL) != app:
                yield uid

    def _storing(self, app: AppName) -> Iterator[int]:
        for name, owner in self.owners.below(self.paths.storage_root).items():
            if name != app:
                yield owner.uid

    def _is_nobodys(self, uid: int) -> bool:
        return not self._is_account(uid) and not any(uid in one for one in self.host_accounts.subordinate())

    def _is_account(self, uid: int) -> bool:
        return self.host_accounts.user(uid) is not None or self.host_accounts.group(uid) is not None


def _was_given(image: Image, app: AppName, uid: int) -> bool:
    """Return whether a build of an app gave an image this uid: the app may have another one by now, or a lost journal."""
    return image.labels.get(APP_LABEL) == app and read_uid(image.labels.get(UID_LABEL, "")) == uid
