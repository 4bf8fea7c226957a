"""What scenario tests ask of a server and its daemon, in one word each."""

from deployhost.kamal import contract
from deployhost.model import Deploy
from tests.fakes.assembled import Assembled, Server

WORKERS = {"worker": "python worker.py", "release": "python migrate.py"}  # a Procfile, less its web process


def stages(daemon: Assembled, deploy: Deploy, state: str = "done") -> list[str]:
    """Return the stages of a deploy that ended that way."""
    return [event["stage"] for event in daemon.told(deploy) if event.get("state") == state]


def running(server: Server) -> list[str]:
    """Return the names of the containers that run."""
    return sorted(container.name for container in server.engine.running)


def is_let_go(server: Server, daemon: Assembled) -> bool:
    """Return whether no request is held."""
    states = [route.state for route in server.table.routes.values()]
    return daemon.holds.all() == [] and set(states) <= {contract.RUNNING}
