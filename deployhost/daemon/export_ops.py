"""The operation behind `deployhost export`: what an app's Kamal project is made of. Whoever asks writes it, as themselves."""

from deployhost.apps.export import Exports
from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler


class ExportOperations:
    """Given what knows an app's project, carry the operation out."""

    def __init__(self, exports: Exports) -> None:
        self._exports = exports

    def handlers(self) -> dict[str, Handler]:
        """Return the operation by its name."""
        return {"app.export": self.export}

    def export(self, request: Message, _emit: Emit) -> Message:
        """Given a name, return the files of its Kamal project, as texts by path."""
        return self._exports.kamal(requests.app_name(request))
