"""Carrying out what concerns all apps at once: the network, kamal-proxy's container, the numbers of deploys, repositories without an app.

`converge_plan` and `repository_plan` have decided it.
"""

import logging
import time
from collections.abc import Callable

from deployhost.converge.steps import (
    ConnectProxy,
    MakeNetwork,
    MakeProxy,
    RemoveRepository,
    SkipNumbers,
    StartProxy,
)
from deployhost.errors import DeployhostError, InternalError, SwitchFailed
from deployhost.journal.deploys import Deploys
from deployhost.kamal.contract import NETWORK, PROXY_CONTAINER, PROXY_MAC
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import AppName
from deployhost.steps import Step
from deployhost.system.docker import Docker

PROXY_STARTS = 10.0  # seconds for kamal-proxy to answer once its container was started
MAKE_AGAIN = 60.0  # seconds between attempts to make kamal-proxy anew: its image may have to be had first
POLL = 0.05
log = logging.getLogger(__name__)


class ServerActor:
    """Given the engine, the proxy and the journal, carry out single steps.

    `make_proxy` makes kamal-proxy's container as set-up does; `delete_repository` deletes one that still is nobody's, and
    returns whether it was.
    """

    def __init__(
        self,
        *,
        docker: Docker,
        proxy: KamalProxy,
        deploys: Deploys,
        make_proxy: Callable[[], None],
        delete_repository: Callable[[AppName], bool],
        clock: Callable[[], float],
    ) -> None:
        self._docker = docker
        self._proxy = proxy
        self._deploys = deploys
        self._make_proxy = make_proxy
        self._delete_repository = delete_repository
        self._clock = clock
        self._refused: tuple[float, SwitchFailed] | None = None

    def act(self, step: Step) -> bool:
        """Carry out a step and return whether there was still a need for it.

        Raise SwitchFailed, with the command that may mend it, and what its tools raise.
        """
        if isinstance(step, MakeProxy) and self._refused is not None and self._clock() < self._refused[0]:
            raise self._refused[1]
        log.info("%s: %s", step.what, step.why)
        if isinstance(step, SkipNumbers):
            self._deploys.skip_to(step.above)
            return True
        if isinstance(step, RemoveRepository):
            return self._delete_repository(step.app)
        try:
            self._in_docker(step)
        except DeployhostError as error:
            if error.hint:
                raise
            # What Docker refuses, set-up may know better how to make.
            said = f"{step.what}: {error.message}"
            raise SwitchFailed(said, hint="deployhost setup --local", details=error.details) from error
        return True

    def _in_docker(self, step: Step) -> None:
        match step:
            case MakeNetwork():
                self._docker.create_network(NETWORK)
            case StartProxy():
                self._docker.start(PROXY_CONTAINER)
                self._await_proxy()
            case MakeProxy():
                self._make()
                self._await_proxy()
            case ConnectProxy():
                self._docker.connect(PROXY_CONTAINER, NETWORK, mac=PROXY_MAC)
            case _:
                raise InternalError(f"no such step: {step}")

    def _make(self) -> None:
        try:
            self._make_proxy()
        except DeployhostError as error:
            said = f"{PROXY_CONTAINER} was removed, and can't be made anew: {error.message}"
            refused = SwitchFailed(said, hint=error.hint or "deployhost setup --local", details=error.details)
            self._refused = (self._clock() + MAKE_AGAIN, refused)
            raise refused from error
        self._refused = None

    def _await_proxy(self) -> None:
        deadline = time.monotonic() + PROXY_STARTS
        while True:
            try:
                self._proxy.routes()
            except DeployhostError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL)
            else:
                return
