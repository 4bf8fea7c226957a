"""Every operation of the control socket by its name."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from deployhost.control import operations as asked
from deployhost.control.messages import Message
from deployhost.daemon.control import Emit, Handler
from deployhost.daemon.operations import apps, deploys, domains, logs, releases, server, settings
from deployhost.daemon.parts import Parts

Result = TypeVar("Result", bound=Message)


def _row(
    operation: asked.Operation[Any, Result], answer: Callable[[Parts, Message, Emit], Result]
) -> tuple[str, Callable[[Parts, Message, Emit], Message]]:
    """Return a row of the table; mypy holds the answer to the type that the operation promises."""
    return operation.name, answer


OPERATIONS: Mapping[str, Callable[[Parts, Message, Emit], Message]] = dict(
    (
        _row(asked.PING, server.ping),
        _row(asked.APP_ADD, apps.add),
        _row(asked.APP_ADD_SOURCE, apps.add_source),
        _row(asked.APP_CONVERGE, apps.converge),
        _row(asked.APP_EXPORT, apps.export),
        _row(asked.APP_INSPECT, apps.inspect),
        _row(asked.APP_LIST, apps.list_apps),
        _row(asked.APP_REMOVE, apps.remove),
        _row(asked.APP_RESTART, deploys.restart),
        _row(asked.APP_ROLLBACK, releases.rollback),
        _row(asked.APP_STATUS, apps.status),
        _row(asked.DEPLOY_CANCEL, deploys.cancel),
        _row(asked.DEPLOY_FOLLOW, deploys.follow_deploy),
        _row(asked.DEPLOY_START, deploys.start),
        _row(asked.DEPLOY_WAIT, deploys.wait),
        _row(asked.DEPLOYS_LIST, deploys.list_deploys),
        _row(asked.DOMAINS_ADD, domains.domains_add),
        _row(asked.DOMAINS_LIST, domains.domains_list),
        _row(asked.DOMAINS_REMOVE, domains.domains_remove),
        _row(asked.ENV_LIST, settings.env_list),
        _row(asked.ENV_SET, settings.env_set),
        _row(asked.ENV_UNSET, settings.env_unset),
        _row(asked.GITHUB_LEAVE, server.leave_github),
        _row(asked.KAMAL_PREPARE, server.prepare_kamal),
        _row(asked.LOGS, logs.logs),
        _row(asked.PRUNE, server.prune),
        _row(asked.PUSH, deploys.push),
        _row(asked.REFS_LIST, deploys.list_references),
        _row(asked.RELEASES_LIST, releases.list_releases),
        _row(asked.STORAGE_DISABLE, partial(settings.storage_set, on=False)),
        _row(asked.STORAGE_ENABLE, partial(settings.storage_set, on=True)),
        _row(asked.STORAGE_SHOW, settings.storage_show),
    )
)


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return what answers each operation with a daemon's parts."""
    return {name: partial(operation, parts) for name, operation in OPERATIONS.items()}
