"""The program's side of an App of the double: what deployhost keeps of it."""

from deployhost.github.connection import GitHubConnection, OwnerKind
from deployhost.model import Secret
from tests.doubles.github import shapes
from tests.doubles.github.double import GitHubDouble
from tests.doubles.github.world import App


def connection(github: GitHubDouble, app: App, number: int = 1, **values: object) -> GitHubConnection:
    """Return the connection of an App, as `connect github` leaves it. The hook's path ends with 16 digits, `number` in hex."""
    kind: OwnerKind = "organization" if app.owner.kind == "Organization" else "user"
    installation = github.world.installed_on(app, app.owner)
    given: dict[str, object] = {
        "id": f"{number:016x}",
        "owner": app.owner.login,
        "owner_id": app.owner.id,
        "kind": kind,
        "html_url": github.web,
        "api_url": github.api,
        "app_id": app.id,
        "client_id": app.client_id,
        "slug": app.slug,
        "app_url": shapes.app_page(github.world, app),
        "key": Secret(app.pem),
        "webhook_secret": None if app.hook_secret is None else Secret(app.hook_secret),
        "installation_id": None if installation is None else installation.id,
        "hooked": app.hook_active,
    }
    return GitHubConnection(**(given | values))  # type: ignore[arg-type]
