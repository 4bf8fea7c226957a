"""The operation that brings journal, Docker and the proxy together at once, or says what it would do."""

from collections.abc import Callable

from deployhost.config.app import AppConfig
from deployhost.control.messages import Message
from deployhost.converge.rounds import Converge
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler
from deployhost.model import AppName


class ConvergeOperation:
    """Given what converges, what reads an app's settings, and why apps can reach each other (""), carry the operation out."""

    def __init__(
        self, converge: Converge, load_app: Callable[[AppName], AppConfig], exposed: Callable[[], str] = lambda: ""
    ) -> None:
        self._converge = converge
        self._load_app = load_app
        self._exposed = exposed

    def handlers(self) -> dict[str, Handler]:
        """Return the operation by its name."""
        return {"app.converge": self.converge}

    def converge(self, request: Message, _emit: Emit) -> Message:
        """Given perhaps a name, mend what is not as it should be of that app or of all; with dry_run only say how."""
        only = None if request.get("name") is None else self._load_app(requests.app_name(request)).name
        applied = not request.get("dry_run")
        plan = self._converge.run(only) if applied else self._converge.plan(only)
        notes = [*plan.notes, *(self._converge.keep() if applied and only is None else ()), self._exposed()]
        return {"steps": [step.to_json() for step in plan], "notes": [*filter(None, notes)], "applied": applied}
