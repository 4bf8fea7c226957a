"""What connects this server to an owner on GitHub: facts in, steps out. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from deployhost.github.answers import HookConfig, Installation, RegisteredApp
from deployhost.github.connection import GitHubConnection
from deployhost.github.manifest_plan import RIGHTS
from deployhost.steps import Plan, Step

LEVELS = ("", "read", "write", "admin")


@dataclass(frozen=True, kw_only=True)
class ConnectFacts:
    """What there is. Without a connection, nothing else is known.

    `org` and `user` are "" for whoever is logged in at GitHub; `webhook_host` is "" without a tunnel; `hook` is None where the App has none.
    `delivers`: whether the hook delivered something lately.
    """

    org: str
    html_url: str
    webhook_host: str
    user: str = ""
    connection: GitHubConnection | None = None
    app: RegisteredApp | None = None
    installation: Installation | None = None
    hook: HookConfig | None = None
    delivers: bool = False

    @property
    def webhook_url(self) -> str:
        """Return where GitHub is to deliver to, or "" without a tunnel."""
        if not self.webhook_host or self.connection is None:
            return ""
        return self.connection.hook_at(self.webhook_host)


class MakeApp(Step, word="make_app"):
    """Have a person make the App, and fetch its key."""


class SetHook(Step, word="set_hook"):
    """Have the App's hook deliver here."""

    url: str


class AwaitInstallation(Step, word="await_installation"):
    """Have a person install the App, and wait until it is."""


class NoteApp(Step, word="note_app"):
    """Write down what GitHub says of the App, its installation and its hook."""

    connection: GitHubConnection


def plan_connect(facts: ConnectFacts) -> Plan:
    """Return the steps that are left. They are carried out one by one: what comes after the first may turn out otherwise."""
    without = () if facts.webhook_host else (NO_TUNNEL,)
    return Plan(tuple(_steps(facts)), (*owners_part(facts), *without))


def owners_part(facts: ConnectFacts) -> tuple[str, ...]:
    """Return what only the owner can put right, at GitHub."""
    return () if facts.connection is None else tuple(_owners_part(facts, facts.connection))


def _steps(facts: ConnectFacts) -> Iterator[Step]:
    connection = facts.connection
    if connection is None:
        whose = f"the organization {facts.org}" if facts.org else facts.user or "you"
        yield MakeApp(
            what=f"make a private GitHub App that belongs to {whose}",
            why="its key reads the repositories that you choose; a browser has to confirm it at GitHub",
        )
    elif facts.webhook_url and facts.hook is not None and _wrong(facts.hook, facts.webhook_url, connection):
        yield SetHook(
            what=f"have the App {connection.slug} deliver pushes to {facts.webhook_url}",
            why="a push is then deployed at once",
            url=facts.webhook_url,
        )
    if facts.installation is None:
        yield AwaitInstallation(
            what="have the App installed",
            why="its owner chooses at GitHub which repositories this server may read",
        )
    if connection is not None and (noted := _noted(connection, facts)) != connection:
        yield NoteApp(what=f"write down what GitHub says of {noted.slug}", why="that has changed", connection=noted)


def _wrong(hook: HookConfig, url: str, connection: GitHubConnection) -> bool:
    right = HookConfig(url, "json", has_secret=True)
    return hook != right or connection.webhook_secret is None


def _noted(connection: GitHubConnection, facts: ConnectFacts) -> GitHubConnection:
    """Return the connection as GitHub has it: App or owner may have been renamed, the App installed anew."""
    app, installation = facts.app, facts.installation
    if app is not None:
        connection = replace(connection, owner=app.owner, slug=app.slug, app_url=app.html_url)
    if installation is not None:
        connection = replace(connection, installation_id=installation.id)
    if facts.hook is not None and not _wrong(facts.hook, facts.webhook_url, connection):
        connection = replace(connection, webhook_url=facts.webhook_url)
    return replace(connection, hooked=connection.hooked or facts.delivers)


def _owners_part(facts: ConnectFacts, connection: GitHubConnection) -> Iterator[str]:
    installation = facts.installation
    if installation is not None and installation.suspended:
        yield f"{installation.owner} suspended the App: unsuspend it at {connection.install_page}"
    if installation is not None and (lacking := tuple(_lacking(installation))):
        yield f"the installation lacks rights ({', '.join(lacking)}): approve them at {connection.install_page}"
    if facts.webhook_host and (facts.hook is None or not (connection.hooked or facts.delivers)):
        # No call of the API turns a hook on that an App was made without.
        yield (
            f'GitHub does not tell this server of pushes yet: tick "Active" below "Webhook" at {connection.settings_page}'
            f" (URL: {facts.webhook_url}), save, and run this command again"
        )


def _lacking(installation: Installation) -> Iterator[str]:
    for name, level in RIGHTS.items():
        if LEVELS.index(level) > LEVELS.index(has if (has := installation.permissions.get(name, "")) in LEVELS else ""):
            yield f"{name}: {level}"


NO_TUNNEL = "without a Cloudflare connection GitHub can't tell this server of pushes: it looks for them once a minute"
