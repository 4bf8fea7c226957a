"""Which apps there are, also while apps.yml has a mistake: what only looks at them goes on."""

from deployhost.config import apps
from deployhost.config.app import AppConfig
from deployhost.config.apps import AppsFile
from deployhost.errors import DeployhostError, FileProblem, InvalidConfig
from deployhost.journal.releases import Releases
from deployhost.model import AppName
from deployhost.paths import Paths


def known_apps(paths: Paths, releases: Releases) -> tuple[AppsFile, DeployhostError | None]:
    """Given where things lie and the journal, return the apps, and why apps.yml can't be read if that is so.

    Then they are those that have a repository or a live release, without any settings.
    """
    try:
        return apps.load(paths.apps_yml), None
    except (InvalidConfig, FileProblem) as problem:
        names = {release.app for release in releases.all_live()}
        names |= {AppName(repo.stem) for repo in paths.repos.glob("*.git") if AppName.pattern.fullmatch(repo.stem)}
        return AppsFile({name: AppConfig(name) for name in sorted(names)}), problem
