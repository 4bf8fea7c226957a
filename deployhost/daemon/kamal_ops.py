"""The operation behind `deployhost kamal`: the app's Kamal project is written, and its version chosen."""

from deployhost.control.messages import Message
from deployhost.daemon import requests
from deployhost.daemon.control import Emit, Handler
from deployhost.deploy.kamal.projects import KamalProjects


class KamalOperations:
    """Given what writes Kamal projects, carry the operation out."""

    def __init__(self, projects: KamalProjects) -> None:
        self._projects = projects

    def handlers(self) -> dict[str, Handler]:
        """Return the operation by its name."""
        return {"kamal.prepare": self.prepare}

    def prepare(self, request: Message, _emit: Emit) -> Message:
        """Given a name and the verb that Kamal is to build with (or nothing), write the app's project.

        Return where it lies, with which version Kamal is to be run there, and what Kamal can't do with the app.
        """
        project = self._projects.prepare(requests.app_name(request), requests.texts(request, "arguments"))
        return {
            "directory": str(project.directory),
            "version": project.version,
            "warnings": list(project.warnings),
        }
