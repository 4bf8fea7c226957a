"""The calls of an App: itself, its installations and their tokens, its hook and what was delivered."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.doubles.github import shapes
from tests.doubles.github.api_repositories import found
from tests.doubles.github.asked import Asked, Result
from tests.doubles.github.deliveries import Delivery
from tests.doubles.github.refusals import Refused, not_found, suspended
from tests.doubles.github.world import Event, Installation

CODE_SECONDS = 3600  # docs.github.com, "Registering a GitHub App from a manifest": all steps within one hour
MOST_REPOSITORIES = 500  # the description of access_tokens
NO_HOOK = {"content_type": "form", "insecure_ssl": "0"}
MASKED = "********"


def convert_manifest(asked: Asked) -> Result:
    """Hand out a new App with its key and secrets, once per code."""
    made = asked.world.codes.pop(asked.variables["code"], None)
    if made is None or asked.world.clock.now() > made[1] + CODE_SECONDS:
        raise not_found()
    app = made[0]
    secret = {"client_secret": f"{app.id:040x}", "webhook_secret": app.hook_secret, "pem": app.pem}
    if app.hook_active:
        asked.world.announce(Event("ping", app=app))
    return Result(201, {**shapes.integration(asked.world, app), "client_id": app.client_id, **secret})


def get_app(asked: Asked) -> Result:
    """Return the App."""
    return Result(content=shapes.integration(asked.world, asked.app))


def list_installations(asked: Asked) -> Result:
    """Return the App's installations."""
    mine = [one for one in asked.world.installations.values() if one.app is asked.app]
    part, headers = asked.page([shapes.installation(asked.world, one) for one in mine])
    return Result(content=part, headers=headers)


def get_installation(asked: Asked) -> Result:
    """Return one of the App's installations."""
    return Result(content=shapes.installation(asked.world, _installation(asked)))


def delete_installation(asked: Asked) -> Result:
    """Uninstall the App from an account."""
    one = _installation(asked)
    asked.world.announce(Event("installation", "deleted", installation=one))
    asked.world.remove_installation(one)
    return Result(204)


def get_account_installation(asked: Asked) -> Result:
    """Return the App's installation on a user or an organisation."""
    app = asked.app
    kind = "Organization" if "org" in asked.variables else "User"
    account = asked.world.account(asked.variables.get("org") or asked.variables["username"])
    one = None if account is None else asked.world.installed_on(app, account)
    if one is None or one.account.kind != kind:
        raise not_found()
    return Result(content=shapes.installation(asked.world, one))


def get_repository_installation(asked: Asked) -> Result:
    """Return the App's installation that covers a repository."""
    app, repository = asked.app, found(asked)
    for one in asked.world.installations.values():
        if one.app is app and one.covers(repository):
            return Result(content=shapes.installation(asked.world, one))
    raise not_found()


def create_token(asked: Asked) -> Result:
    """Make an installation token, perhaps for some repositories and fewer permissions only."""
    one = _installation(asked)
    if one.suspended:
        raise suspended()
    given: Mapping[str, Any] = asked.given or {}
    permissions = {**one.permissions}
    if given.get("permissions"):
        permissions = dict(given["permissions"])
        if any(not _within(level, one.permissions.get(name)) for name, level in permissions.items()):
            raise Refused(422, "The permissions requested are not granted to this installation.")
        permissions = {"metadata": "read", **permissions}
    wanted = [*given.get("repositories", []), *given.get("repository_ids", [])]
    if len(wanted) > MOST_REPOSITORIES:
        raise Refused(422, f"At most {MOST_REPOSITORIES} repositories can be requested.")
    # An empty list is none: the token then reaches all (framna-dk/framna-docs pull 146).
    ids = frozenset(_repository_id(asked, one, each) for each in wanted) if wanted else None
    return Result(201, shapes.token(asked.world, asked.world.new_token(one, permissions, ids)))


def _within(level: str, granted: str | None) -> bool:
    return granted is not None and (granted == level or level == "read")


def _repository_id(asked: Asked, one: Installation, wanted: str | int) -> int:
    world = asked.world
    repository = (
        world.repositories.get(wanted) if isinstance(wanted, int) else shapes.by_name(world, one.account, wanted)
    )
    if repository is None or not one.covers(repository):
        # The words are those of 5dive-ai/5dive pull 383.
        missing = (
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
        raise Refused(422, missing)
    return repository.id


def revoke_token(asked: Asked) -> Result:
    """Revoke the token that the call comes with."""
    del asked.world.tokens[asked.token.text]
    return Result(204)


def get_hook(asked: Asked) -> Result:
    """Return the hook's configuration; the secret is masked."""
    return Result(content=_shown(_hook(asked)))


def change_hook(asked: Asked) -> Result:
    """Change the hook's configuration. Whether it is active is no part of that."""
    changed = {name: str(value) for name, value in asked.given.items()}
    _hook(asked)
    asked.app.hook = {**NO_HOOK, **asked.app.hook, **changed}
    return Result(content=_shown(asked.app.hook))


def _hook(asked: Asked) -> Mapping[str, str]:
    app = asked.app
    if not app.hook and asked.world.hookless == "missing":
        raise not_found()
    return app.hook or NO_HOOK


def _shown(hook: Mapping[str, str]) -> dict[str, str]:
    return {**hook, **({"secret": MASKED} if "secret" in hook else {})}


def list_deliveries(asked: Asked) -> Result:
    """Return what was delivered, newest first, without payloads. A cursor leads on."""
    size = min(int(asked.query.get("per_page", "30")), 100)
    deliveries = [one for one in reversed(_deliveries(asked)) if _wanted(one, asked.query.get("status"))]
    before = asked.query.get("cursor")
    rest = [one for one in deliveries if before is None or one.id <= int(before.removeprefix("v1_"))]
    link = {"Link": asked.link(cursor=f"v1_{rest[size].id}")} if len(rest) > size else {}
    return Result(content=[one.item() for one in rest[:size]], headers=link)


def _wanted(one: Delivery, status: str | None) -> bool:
    """Return whether a delivery is of a status. The reference says of `failure`: 400 to 599 only."""
    if status is None:
        return True
    return 200 <= one.status_code < 400 if status == "success" else 400 <= one.status_code < 600


def get_delivery(asked: Asked) -> Result:
    """Return one delivery with its request and answer."""
    return Result(content=_delivery(asked).whole())


def redeliver(asked: Asked) -> Result:
    """Deliver once more, under the same guid."""
    one = _delivery(asked)
    one.courier.redeliver(one)
    return Result(202, {})


def _deliveries(asked: Asked) -> list[Delivery]:
    app, world = asked.app, asked.world
    return [one for one in world.deliveries if one.app is app and one.sent_at is not None and one.kept]


def _delivery(asked: Asked) -> Delivery:
    number = asked.variables["delivery_id"]
    one = next((one for one in _deliveries(asked) if str(one.id) == number), None)
    if one is None:
        raise not_found()
    return one


def _installation(asked: Asked) -> Installation:
    app = asked.app
    one = asked.world.installations.get(int(asked.variables["installation_id"]))
    if one is None or one.app is not app:
        raise not_found()
    return one


CALLS: Mapping[str, Callable[[Asked], Result]] = {
    "apps/create-from-manifest": convert_manifest,
    "apps/get-authenticated": get_app,
    "apps/list-installations": list_installations,
    "apps/get-installation": get_installation,
    "apps/delete-installation": delete_installation,
    "apps/get-org-installation": get_account_installation,
    "apps/get-user-installation": get_account_installation,
    "apps/get-repo-installation": get_repository_installation,
    "apps/create-installation-access-token": create_token,
    "apps/revoke-installation-access-token": revoke_token,
    "apps/get-webhook-config-for-app": get_hook,
    "apps/update-webhook-config-for-app": change_hook,
    "apps/list-webhook-deliveries": list_deliveries,
    "apps/get-webhook-delivery": get_delivery,
    "apps/redeliver-webhook-delivery": redeliver,
}
