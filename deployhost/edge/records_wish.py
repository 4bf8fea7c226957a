"""Which domains apps.yml wants, and of which apps nobody can tell what they want."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from deployhost.config.current import Apps
from deployhost.errors import DeployhostError, FileProblem, InvalidConfig
from deployhost.journal.removals import Removals
from deployhost.model import AppName, Domain
from deployhost.system import files


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The domains that apps want, and what is known of each app: `listed` are right in apps.yml, `broken` have a mistake there.

    Those that are being `removed` want nothing. `unread` is the text of apps.yml where an entry of it is broken: a name that is
    in there may be one that a broken entry wants.
    """

    wanted: Mapping[Domain, AppName]
    listed: frozenset[AppName]
    broken: frozenset[AppName]
    removed: frozenset[AppName]
    unread: str = ""

    def of(self, app: AppName) -> str:
        """Return what is known of an app, in one word."""
        known = {"removed": self.removed, "listed": self.listed, "broken": self.broken}
        return next((word for word, apps in known.items() if app in apps), "absent")


@dataclass(frozen=True, kw_only=True)
class WishReader:
    """Reads what is wanted. `lost` says whether there is anything of an app that apps.yml does not have."""

    apps: Apps
    removals: Removals
    lost: Callable[[AppName], bool]

    def read(self) -> Wish | None:
        """Return what is wanted, or None if apps.yml can't tell: it is missing, or wrong as a whole. Raise FileProblem for the journal."""
        try:
            found = self.apps.read()
        except (InvalidConfig, FileProblem):
            return None
        if found is None:
            return None
        removed = frozenset(self.removals.open())
        apps = [config for config in found.apps.values() if config.name not in removed]
        return Wish(
            wanted={domain: config.name for config in apps for domain in config.domains},
            listed=frozenset(found.apps),
            broken=frozenset(found.mistakes),
            removed=removed,
            unread=(files.read_text(self.apps.path) or "").lower() if found.mistakes else "",
        )

    def unknown(self, wish: Wish, apps: Collection[AppName]) -> frozenset[AppName]:
        """Return those of the apps of which nobody can tell which domains they want."""
        return frozenset(
            app for app in apps if wish.of(app) == "broken" or (wish.of(app) == "absent" and self._lost(app))
        )

    def _lost(self, app: AppName) -> bool:
        try:
            return self.lost(app)
        except DeployhostError:
            return True  # an engine that does not answer has perhaps containers of it
