"""The operations that change an app's settings and apply them without a build: env, domains, storage."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from deployhost.apps.live_settings import InForce
from deployhost.apps.view import Views
from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.config.env import EnvStore
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler
from deployhost.daemon.deploying import Deploying
from deployhost.journal.releases import Releases
from deployhost.model import MOUNTED_AT, AppName, Domain, EnvName, Trigger
from deployhost.paths import Paths
from deployhost.traffic.reroute import Rerouter


class SettingOperations:
    """Given the rooms' tools, carry out the operations."""

    def __init__(
        self,
        *,
        paths: Paths,
        env: EnvStore,
        releases: Releases,
        deploying: Deploying,
        rerouter: Rerouter,
        in_force: InForce,
        views: Views,
        now: Callable[[], datetime],
    ) -> None:
        self._paths = paths
        self._env = env
        self._releases = releases
        self._deploying = deploying
        self._rerouter = rerouter
        self._in_force = in_force
        self._views = views
        self._now = now

    def handlers(self) -> dict[str, Handler]:
        """Return the operations by name."""
        return {
            "env.list": self.env_list,
            "env.set": self.env_set,
            "env.unset": self.env_unset,
            "domains.list": self.domains_list,
            "domains.add": self.domains_add,
            "domains.remove": self.domains_remove,
            "storage.show": self.storage_show,
            "storage.enable": lambda request, emit: self._storage(request, emit, on=True),
            "storage.disable": lambda request, emit: self._storage(request, emit, on=False),
        }

    def env_list(self, request: Message, _emit: Emit) -> Message:
        """Given a name, return its variables, their values only if `reveal` is asked for."""
        app = self._known(request)
        reveal = bool(request.get("reveal"))
        return {
            "app": app,
            "env": [
                {"name": entry.name, "value": entry.value.reveal() if reveal else None, "updated_at": entry.updated_at}
                for entry in self._env.entries(app)
            ],
        }

    def env_set(self, request: Message, emit: Emit) -> Message:
        """Given a name and values, set them and apply them to what runs, unless it runs with them already."""
        app = self._known(request)
        values = {EnvName(name): value for name, value in requests.values(request, "values").items()}
        changed = self._env.set(app, values, self._now())
        rest: Message = {"app": app, "changed": list(changed)}
        pending = bool(changed) or not self._in_force.variables(self._config(app), values)
        return {**rest, "deploy": self._apply(app, pending, request, emit, rest)}

    def env_unset(self, request: Message, emit: Emit) -> Message:
        """Given a name and names of variables, remove them and apply that to what runs, unless it runs without them already."""
        app = self._known(request)
        names = list(dict.fromkeys(EnvName(name) for name in requests.texts(request, "names")))
        changed = self._env.unset(app, names)
        rest: Message = {
            "app": app,
            "changed": list(changed),
            "not_set": [name for name in names if name not in changed],
        }
        pending = bool(changed) or not self._in_force.variables(self._config(app), dict.fromkeys(names))
        return {**rest, "deploy": self._apply(app, pending, request, emit, rest)}

    def domains_list(self, request: Message, _emit: Emit) -> Message:
        """Given a name, return its domains."""
        return self._domains(self._known(request))

    def domains_add(self, request: Message, _emit: Emit) -> Message:
        """Given a name and domains, have the app answer at them too."""
        app = self._known(request)
        added = apps.add_domains(self._paths.apps_yml, app, _domains(request))
        self._rerouter.reroute(app)
        return {**self._domains(app), "changed": list(added)}

    def domains_remove(self, request: Message, _emit: Emit) -> Message:
        """Given a name and domains, have the app no longer answer at them."""
        app = self._known(request)
        removed = apps.remove_domains(self._paths.apps_yml, app, _domains(request))
        self._rerouter.reroute(app)
        return {**self._domains(app), "changed": list(removed)}

    def storage_show(self, request: Message, _emit: Emit) -> Message:
        """Given a name, return where its storage lies, if it has any, and whether what serves has it mounted."""
        app = self._known(request)
        return {**self._storage_view(app), "mounted": self._mounted(app), "deploy": None}

    def _storage(self, request: Message, emit: Emit, *, on: bool) -> Message:
        app = self._known(request)
        changed = apps.set_storage(self._paths.apps_yml, app, on)
        rest = {**self._storage_view(app), "changed": changed}
        pending = changed or self._mounted(app) not in (on, None)
        return {**rest, "deploy": self._apply(app, pending, request, emit, rest)}

    def _mounted(self, app: AppName) -> bool | None:
        # A configuration of the repository's own says by itself what is mounted.
        return None if self._config(app).trust_repo_config else self._in_force.storage(app)

    def _storage_view(self, app: AppName) -> Message:
        path = self._paths.storage(app)
        config = self._config(app)
        return {
            "app": app,
            "enabled": config.storage,
            "path": str(path) if config.storage or path.exists() else None,
            "mounted_at": MOUNTED_AT if config.storage else None,
        }

    def _apply(self, app: AppName, pending: bool, request: Message, emit: Emit, rest: Message) -> dict[str, Any] | None:
        live = self._releases.live(app)
        if not pending or live is None:
            return None
        deploy = self._deploying.accept(app, live.sha, Trigger.SETTINGS, subject=live.subject)
        return self._deploying.shown(deploy, request, emit, rest)

    def _domains(self, app: AppName) -> Message:
        config = self._config(app)
        return {"app": app, "url": self._views.url(app), "domains": list(config.domains)}

    def _config(self, app: AppName) -> AppConfig:
        return apps.load(self._paths.apps_yml).get(app)

    def _known(self, request: Message) -> AppName:
        return self._config(requests.app_name(request)).name


def _domains(request: Message) -> list[Domain]:
    return [Domain(domain) for domain in requests.texts(request, "domains")]
