"""Following deploys: their events are passed on until they have ended."""

from typing import cast

from deployhost.control.messages import DeployEvent, Event, Message
from deployhost.control.views import DeployView
from deployhost.daemon.control import Emit
from deployhost.daemon.parts import Parts
from deployhost.errors import NotFound
from deployhost.model import Deploy


def follow(parts: Parts, number: int, emit: Emit, rest: Message | None = None) -> Deploy:
    """Say which deploy it is, pass on its events until it has ended, and return it.

    `rest` is what else the operation will return: said at the beginning, for whoever has to follow the deploy on a daemon
    that was restarted in the meantime. Raise NotFound if the app is removed.
    """
    begun: DeployEvent = {"event": "deploy", "id": number}
    emit(begun if rest is None else {**begun, "rest": rest})
    try:
        for event in parts.events.follow(number, lambda: parts.deploys.get(number).status.ended):
            emit(cast("Event", event))  # as journal/telling.py wrote it
        return parts.deploys.get(number)
    except NotFound:
        raise NotFound("the app was removed, together with this deploy", hint="deployhost list") from None


def shown(parts: Parts, deploy: Deploy, request: Message, emit: Emit, rest: Message | None = None) -> DeployView:
    """Return the view of an accepted deploy, followed to its end unless the request says otherwise."""
    if request.get("follow", True):
        deploy = follow(parts, deploy.id, emit, rest)
    return parts.views.deploy(deploy)
