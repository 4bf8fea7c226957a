"""Which apps there are, also while apps.yml has a mistake: what only looks at them goes on."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployhost.config.app import AppConfig
from deployhost.config.apps import AppsFile
from deployhost.config.current import Apps
from deployhost.errors import DeployhostError, FileProblem, InvalidConfig
from deployhost.journal.releases import Releases
from deployhost.model import AppName
from deployhost.paths import Paths


@dataclass(frozen=True)
class KnownApps:
    """Every app with its settings, or None where they can't be read, and why that is so.

    `unlisted` are those that have a live release, and that apps.yml, which can be read, does not have any more.
    """

    apps: Mapping[AppName, AppConfig | None]
    problem: DeployhostError | None
    unlisted: tuple[AppName, ...] = ()

    def name(self, wanted: AppName) -> AppName:
        """Return the name. Raise AppNotFound if there is no such app."""
        return AppsFile({name: AppConfig(name) for name in (*self.apps, *self.unlisted)}).get(wanted).name


def known_apps(apps: Apps, paths: Paths, releases: Releases) -> KnownApps:
    """Return the apps as apps.yml has them, as far as that can be read.

    Otherwise they are those that have a repository or a live release.
    """
    try:
        found = apps.now()
    except (InvalidConfig, FileProblem) as problem:
        names = {release.app for release in releases.all_live()}
        names |= {AppName(repo.stem) for repo in paths.repos.glob("*.git") if AppName.pattern.fullmatch(repo.stem)}
        return KnownApps(dict.fromkeys(sorted(names)), problem)
    unlisted = tuple(release.app for release in releases.all_live() if release.app not in found.known)
    return KnownApps(found.known, found.problem, unlisted)
