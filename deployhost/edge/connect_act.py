"""Carrying out the steps that join a server to an account at Cloudflare, or take it off: one method per type of step."""

from dataclasses import dataclass, replace

from deployhost.edge import connect_steps as steps
from deployhost.edge import connection, sdk
from deployhost.edge.account import EdgeAccount
from deployhost.edge.ownership import tunnel_target
from deployhost.errors import Conflict, NotFound
from deployhost.paths import Paths
from deployhost.steps import Acts


@dataclass(frozen=True, kw_only=True)
class EdgeActor:
    """Carries out the steps, in an account that is open. Each may raise DeployhostError."""

    paths: Paths
    account: EdgeAccount

    @property
    def acts(self) -> Acts:
        """Return what carries out each type of step."""
        return {
            steps.KeepServerId: self._keep_server_id,
            steps.CreateTunnel: self._create_tunnel,
            steps.SaveConnection: lambda step: connection.save(self.paths, step.connection),
            steps.SaveTunnelToken: lambda step: connection.save_tunnel_token(self.paths, step.token),
            steps.SetIngress: self._set_ingress,
            steps.SetWebhookRecord: self._set_webhook_record,
            steps.DeleteRecord: self._delete_record,
            steps.DeleteTunnel: self._delete_tunnel,
            steps.SetConnectionAside: lambda _step: self._set_aside(),
            steps.ForgetConnection: lambda _step: self._forget(),
        }

    def _keep_server_id(self, step: steps.KeepServerId) -> None:
        kept = connection.server_id(self.paths, step.server_id)
        if kept != step.server_id:
            raise Conflict(f"this server has the id {kept} since a moment ago", hint="deployhost connect cloudflare")

    def _create_tunnel(self, step: steps.CreateTunnel) -> None:
        try:
            tunnel, token = self.account.create_tunnel(step.connection.account_id, step.name)
        except Conflict as error:
            raise Conflict(
                f"the tunnel {step.name} exists already, but the token does not see it: "
                "give the token the right to it, or delete the tunnel",
                details=(f"Cloudflare: {error.message}",),
            ) from error
        # At once: the tunnel's id is the surest way to find it again.
        connection.save(self.paths, replace(step.connection, tunnel_id=tunnel.id))
        connection.save_tunnel_token(self.paths, token)

    def _set_ingress(self, step: steps.SetIngress) -> None:
        saved = self._saved()
        self.account.put_ingress(saved.account_id, saved.tunnel_id, step.rules)

    def _set_webhook_record(self, step: steps.SetWebhookRecord) -> None:
        record = replace(step.record, target=tunnel_target(self._saved().tunnel_id))
        if step.old:
            self.account.replace_records(step.zone_id, step.old, record)
        else:
            self.account.create_record(step.zone_id, record)

    def _delete_record(self, step: steps.DeleteRecord) -> None:
        self.account.delete_record(step.zone_id, step.record_id)

    def _delete_tunnel(self, step: steps.DeleteTunnel) -> None:
        self.account.delete_tunnel(step.account_id, step.tunnel_id)

    def _set_aside(self) -> None:
        connection.set_aside(self.paths)
        # What the daemon began before that ends before the rest is looked at.
        with connection.in_use(self.paths, alone=True):
            pass

    def _forget(self) -> None:
        sdk.delete(self.paths)  # first: who is interrupted here is sent back by the connection
        connection.delete(self.paths)

    def _saved(self) -> connection.CloudflareConnection:
        saved = connection.load(self.paths)
        if saved is None:
            raise NotFound("this server is not connected to Cloudflare any more", hint="deployhost connect cloudflare")
        return saved
