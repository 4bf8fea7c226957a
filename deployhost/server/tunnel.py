"""cloudflared and its service on this machine: facts → plan → act → facts. Wanted where the server is joined to Cloudflare."""

from collections.abc import Callable
from dataclasses import dataclass

from deployhost.edge import connection
from deployhost.errors import SetupFailed
from deployhost.paths import Paths
from deployhost.server import steps
from deployhost.server.act_tunnel import TunnelActor
from deployhost.server.plan_tunnel import AGAIN, plan_tunnel
from deployhost.server.read_tunnel import read_tunnel_facts, wanted_tunnel
from deployhost.steps import Acts, Plan, Recorder, apply
from deployhost.system.process import OnLine
from deployhost.system.services import Services


@dataclass(frozen=True, kw_only=True)
class TunnelSetup:
    """Has cloudflared run as a service. `log` gets each line that a program writes."""

    paths: Paths
    services: Services
    log: OnLine
    actor: Callable[..., TunnelActor] = TunnelActor

    def run(self, recorder: Recorder, *, dry_run: bool = False) -> Plan:
        """Do what is missing and return it; nothing on a dry run, or where the tunnel's token is not here.

        The caller holds the lock of set-up. Raise SetupFailed, or what a step raised, if it can't be done.
        """
        if not self.is_wanted():
            return Plan()
        plan = self.plan()
        if plan and not dry_run:
            actor = self.actor(paths=self.paths, services=self.services, log=self.log)
            define: Acts = {steps.DefineService: lambda step: self.services.define(step.name, step.text)}
            apply(plan, {**actor.acts, **define}, recorder)
            left = self.plan()
            if left:
                raise SetupFailed(
                    "the tunnel is set up, but something is still not as it should be",
                    hint=AGAIN,
                    details=tuple(f"{step.what}: {step.why}" for step in left),
                )
        return plan

    def is_wanted(self) -> bool:
        """Return whether the server is joined to Cloudflare. Raise InvalidConfig, FileProblem."""
        return connection.load(self.paths) is not None and connection.tunnel_token(self.paths) is not None

    def plan(self) -> Plan:
        """Return what is missing. Raise SetupFailed if it can't be had."""
        return plan_tunnel(read_tunnel_facts(self.paths, self.services), wanted_tunnel(self.paths, self.services))
