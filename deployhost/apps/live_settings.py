"""Whether what serves an app runs with its settings: the deploy of a change may have failed, been cancelled or rolled back since."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployhost.config.app import AppConfig
from deployhost.config.env import refusals
from deployhost.containers.storage import Storage
from deployhost.journal.releases import Releases
from deployhost.model import AppName, EnvName
from deployhost.system.docker import Docker
from deployhost.system.docker_model import variables


@dataclass(frozen=True)
class LiveSettings:
    """What the live container runs with: settings are compared with it, since it is what knows."""

    docker: Docker
    releases: Releases
    storage: Storage

    def has_variables(self, config: AppConfig, wanted: Mapping[EnvName, str | None]) -> bool:
        """Return whether the live container runs with these variables (None: one that is not to be set).

        Where nothing serves, and where the repository's own configuration says what reaches the app, nothing is to be compared.
        """
        live = self.releases.live(config.name)
        if live is None or config.trust_repo_config:
            return True
        found = self.docker.find(live.container)
        if found is None:
            return False
        image = self.docker.image(found.image_id)
        has, images = variables(found.env), {} if image is None else variables(image.env)
        # What deployhost and Kamal set by themselves is never the app's own.
        own = {name: value for name, value in wanted.items() if not refusals(name, "")}
        return all(has.get(name) == (images.get(name) if value is None else value) for name, value in own.items())

    def has_storage(self, app: AppName) -> bool | None:
        """Return whether the live container has the app's storage mounted, or None if there is none."""
        live = self.releases.live(app)
        found = None if live is None else self.docker.find(live.container)
        return None if found is None else self.storage.mounted_in(found, app)
