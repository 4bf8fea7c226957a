"""Disconnecting an owner on GitHub: the App is uninstalled, its key deleted. No app is stopped, and only the owner can delete the App."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from deployhost.config import apps
from deployhost.errors import (
    DeployhostError,
    GitHubAppDeleted,
    InvalidConfig,
    InvalidRequest,
    NotFound,
    ProviderUnavailable,
)
from deployhost.github import connection as files
from deployhost.github.answers import GitHub
from deployhost.github.connection import GitHubConnection
from deployhost.model import AppName
from deployhost.paths import Paths
from deployhost.steps import Acts, Plan, Step


class UninstallApp(Step, word="uninstall_app"):
    """Uninstall the App at GitHub."""


class DeleteConnection(Step, word="delete_connection"):
    """Delete the App's key."""


@dataclass(frozen=True)
class DisconnectGitHub:
    """Disconnects one owner.

    `last_statuses` has the daemon post the last commit statuses by a connection, and returns notes on what GitHub did not take.
    """

    paths: Paths
    github: GitHub
    connection: GitHubConnection
    last_statuses: Callable[[str], Sequence[str]] = lambda _connection: ()

    def plan(self) -> Plan:
        """Return what is done."""
        return Plan(
            (
                UninstallApp(
                    what=f"uninstall the App {self.connection.slug} from {self.connection.owner}",
                    why="this server no longer reads its repositories, nor hears of pushes",
                ),
                DeleteConnection(what="delete the App's key", why="nothing needs it any more"),
            ),
            tuple(self._notes()),
        )

    @property
    def acts(self) -> Acts:
        """Return what carries out each type of step."""
        return {UninstallApp: lambda _step: self._uninstall(), DeleteConnection: lambda _step: self._delete()}

    def _uninstall(self) -> str:
        notes = self.last_statuses(self.connection.id)
        try:
            there = self.github.calls(self.connection).delete_installation()
        except GitHubAppDeleted:
            return "it was deleted there"
        except InvalidConfig as error:  # nobody can uninstall it with such a key
            return f"{error.message.partition(':')[0]}; its owner uninstalls it"
        except ProviderUnavailable as error:
            path = self.paths.connections / f"{files.PREFIX}{self.connection.id}"
            raise ProviderUnavailable(
                f"{error.message}; nothing was disconnected",
                hint=self.connection.disconnect_command,
                details=(*error.details, f"to give it up without GitHub, delete {path}"),
                retry_after=error.retry_after,
            ) from error
        return "; ".join((*(() if there else ("it was not installed",)), *notes))

    def _delete(self) -> None:
        files.delete(self.paths, self.connection)

    def _notes(self) -> Iterator[str]:
        mine = ", ".join(apps_of(self.paths, self.connection))
        if mine:
            yield f"keep running, and no longer follow GitHub: {mine}"
        yield f"only {self.connection.owner} can delete the App itself: {self.connection.delete_page}"


def chosen(paths: Paths, owner: str, html_url: str = "") -> GitHubConnection:
    """Return the connection of an owner, or the only one if `owner` is "". Raise NotFound, InvalidRequest, InvalidConfig."""
    found = [
        one
        for one in files.load_all(paths)
        if (not owner or one.owner.lower() == owner.lower()) and (not html_url or one.html_url == html_url)
    ]
    if not found:
        of = f" to {owner}" if owner else ""
        raise NotFound(f"this server is not connected{of} on GitHub", hint="deployhost connect github")
    if len({(one.owner.lower(), one.html_url) for one in found}) > 1:
        raise InvalidRequest(
            f"this server is connected to {len(found)} owners: say which",
            hint=" ".join((found[0].disconnect_command, *(files.at_github(found[0].html_url) if owner else ()))),
            details=tuple(f"{one.owner} at {one.html_url}" for one in found),
        )
    return found[0]


def stays(connection: GitHubConnection) -> str:
    """Return what stays at GitHub if the program is removed: once the key is gone, nothing of ours can uninstall the App."""
    return (
        f"the GitHub App {connection.slug} stays installed by {connection.owner}: run `{connection.disconnect_command}` first,"
        f" or delete it at {connection.delete_page}"
    )


def apps_of(paths: Paths, connection: GitHubConnection) -> tuple[AppName, ...]:
    """Return the apps that come from an owner's repositories, as far as apps.yml can be read."""
    try:
        config = apps.load(paths.apps_yml)
    except DeployhostError:
        return ()
    return tuple(
        name
        for name, app in config.apps.items()
        if app.source is not None and app.source.owner.lower() == connection.owner.lower()
    )
