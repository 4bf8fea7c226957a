"""The operation `logs`: what an app wrote."""

from deployhost.apps.output import OutputWanted
from deployhost.control.messages import Message
from deployhost.control.results import NoResult
from deployhost.daemon.control import Emit, until_gone
from deployhost.daemon.operations import requests
from deployhost.daemon.operations.apps import named
from deployhost.daemon.parts import Parts
from deployhost.model import WEB, ProcessName

LINES = 100


def logs(parts: Parts, request: Message, emit: Emit) -> NoResult:
    """Emit the lines of an app's output: of its live release, or of the deploy that is named; of one process."""
    wanted = OutputWanted(
        app=named(parts, request),
        process=WEB if request.get("process") is None else ProcessName(requests.text(request, "process")),
        deploy=requests.whole(request, "deploy", None),
        tail=requests.whole(request, "lines", LINES),
        follow=bool(request.get("follow")),
    )
    with until_gone(emit) as gone:
        for one in parts.output.read(wanted, gone):
            if isinstance(one, str):
                emit({"event": "note", "text": one})
            else:
                emit({"event": "log", "line": one.line, "stream": one.stream, "at": one.at})
    return {}
