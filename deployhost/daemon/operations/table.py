"""Every operation of the control socket by its name."""

from collections.abc import Callable, Mapping
from functools import partial

from deployhost.control.messages import Message
from deployhost.daemon.control import Emit, Handler
from deployhost.daemon.operations import apps, deploys, logs, releases, server, settings
from deployhost.daemon.parts import Parts

Operation = Callable[[Parts, Message, Emit], Message]

OPERATIONS: Mapping[str, Operation] = {
    "ping": server.ping,
    "app.add": apps.add,
    "app.converge": apps.converge,
    "app.export": apps.export,
    "app.inspect": apps.inspect,
    "app.list": apps.list_apps,
    "app.remove": apps.remove,
    "app.restart": deploys.restart,
    "app.rollback": releases.rollback,
    "app.status": apps.status,
    "deploy.cancel": deploys.cancel,
    "deploy.follow": deploys.follow_deploy,
    "deploy.start": deploys.start,
    "deploy.wait": deploys.wait,
    "deploys.list": deploys.list_deploys,
    "domains.add": settings.domains_add,
    "domains.list": settings.domains_list,
    "domains.remove": settings.domains_remove,
    "env.list": settings.env_list,
    "env.set": settings.env_set,
    "env.unset": settings.env_unset,
    "kamal.prepare": server.prepare_kamal,
    "logs": logs.logs,
    "prune": server.prune,
    "push": deploys.push,
    "refs.list": deploys.list_references,
    "releases.list": releases.list_releases,
    "storage.disable": settings.storage_disable,
    "storage.enable": settings.storage_enable,
    "storage.show": settings.storage_show,
}


def handlers(parts: Parts) -> dict[str, Handler]:
    """Return what answers each operation with a daemon's parts."""
    return {name: partial(operation, parts) for name, operation in OPERATIONS.items()}
