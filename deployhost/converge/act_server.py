"""Carries out the steps that concern all apps: the network, kamal-proxy's container, deploy numbers, repositories without an app."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from deployhost.converge.findings.network_plan import MakeNetwork
from deployhost.converge.findings.numbers_plan import SkipNumbers
from deployhost.converge.findings.proxy_plan import ConnectProxy, MakeProxy, StartStoppedProxy
from deployhost.converge.findings.repository_plan import RemoveRepository
from deployhost.errors import DeployhostError, SwitchFailed
from deployhost.journal.deploys import Deploys
from deployhost.kamal.contract import NETWORK, PROXY_CONTAINER, PROXY_MAC
from deployhost.kamal.proxy import KamalProxy
from deployhost.model import AppName
from deployhost.steps import Acts, Step, carry_out
from deployhost.system.clock import Clock, retry
from deployhost.system.docker import Docker

SETUP = "deployhost setup --local"  # what Docker refuses, set-up may know better how to make
PROXY_STARTS = 10.0  # seconds for kamal-proxy to answer once its container was started
MAKE_AGAIN = 60.0  # seconds between attempts to make kamal-proxy anew: its image may have to be had first
POLL = 0.05
log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class ServerActor:
    """Carries out single steps with the engine, the proxy and the journal.

    `make_proxy` makes kamal-proxy's container as set-up does; `delete_repository` deletes one that still is nobody's, and
    returns whether it was.
    """

    docker: Docker
    proxy: KamalProxy
    deploys: Deploys
    make_proxy: Callable[[], None]
    delete_repository: Callable[[AppName], bool]
    clock: Clock
    # How the last attempt to make kamal-proxy anew failed, and until when there is no other one:
    _refused: SwitchFailed | None = field(default=None, init=False)
    _refused_until: float = field(default=0.0, init=False)

    @property
    def acts(self) -> Acts:
        """Return what carries out each type of step, and returns why there was no need for it any more, or nothing."""
        return {
            MakeNetwork: self._make_network,
            StartStoppedProxy: self._start_proxy,
            MakeProxy: self._make_proxy,
            ConnectProxy: self._connect_proxy,
            SkipNumbers: self._skip_numbers,
            RemoveRepository: self._remove_repository,
        }

    def act(self, step: Step) -> str:
        """Carry out a step and return why there was no need for it any more, or "".

        Raise SwitchFailed, with the command that may fix it, and what its tools raise.
        """
        if isinstance(step, MakeProxy) and self._refused is not None and self.clock.time() < self._refused_until:
            raise self._refused
        log.info("%s: %s", step.what, step.why)
        return carry_out(step, self.acts)

    def _make_network(self, step: MakeNetwork) -> None:
        with _hinted(step):
            self.docker.create_network(NETWORK)

    def _start_proxy(self, step: StartStoppedProxy) -> None:
        with _hinted(step):
            self.docker.start(PROXY_CONTAINER)
            self._await_proxy()

    def _make_proxy(self, step: MakeProxy) -> None:
        try:
            self.make_proxy()
        except DeployhostError as error:
            said = f"{PROXY_CONTAINER} was removed, and can't be made anew: {error.message}"
            self._refused = SwitchFailed(said, hint=error.hint or SETUP, details=error.details)
            self._refused_until = self.clock.time() + MAKE_AGAIN
            raise self._refused from error
        self._refused = None
        with _hinted(step):
            self._await_proxy()

    def _connect_proxy(self, step: ConnectProxy) -> None:
        with _hinted(step):
            self.docker.connect(PROXY_CONTAINER, NETWORK, mac=PROXY_MAC)

    def _skip_numbers(self, step: SkipNumbers) -> None:
        self.deploys.skip_to(step.above)

    def _remove_repository(self, step: RemoveRepository) -> str | None:
        return None if self.delete_repository(step.app) else "it has an owner or content by now"

    def _await_proxy(self) -> None:
        retry(self.proxy.routes, again=_may_pass, within=PROXY_STARTS, every=POLL, clock=self.clock)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, DeployhostError)


@contextmanager
def _hinted(step: Step) -> Iterator[None]:
    """Give an error that has no hint the command that may know better how to do a step."""
    try:
        yield
    except DeployhostError as error:
        if error.hint:
            raise
        raise SwitchFailed(f"{step.what}: {error.message}", hint=SETUP, details=error.details) from error
