"""What is shown of an app whose view raised an error: nothing that would have to be read for it."""

import socket
from pathlib import Path

from deployhost.control.views import AppView
from deployhost.errors import DeployhostError, InternalError
from deployhost.model import AppName


def broken(app: AppName, error: Exception, *, url: str, repository: Path) -> AppView:
    """Return the view of an app: its name, where it lies, and the error."""
    told = error if isinstance(error, DeployhostError) else InternalError.of(error)
    return {
        "name": app,
        "listed": True,
        "state": "unknown",
        "url": url,
        "urls": [url],
        "branch": None,
        "source": None,
        "remote": str(repository),
        "ssh_remote": f"ssh://root@{socket.gethostname()}{repository}",
        "domains": [],
        "records": [],
        "storage": None,
        "strategy": None,
        "engine": None,
        "live": None,
        "processes": [],
        "maintenance": False,
        "route": None,
        "lock": None,
        "rolled_back": None,
        "head": None,
        "last_deploy": None,
        "note": f"it can't be shown: {told.message}",
    }
