"""The steps by which a server is joined to an account at Cloudflare, and taken off it: data; connect_act.py carries them out."""

from deployhost.edge.account import IngressRule, WantedRecord
from deployhost.edge.connection import CloudflareConnection
from deployhost.model import Secret
from deployhost.steps import Step


class KeepServerId(Step):
    """Write down the id by which this server is known at Cloudflare."""

    server_id: str


class CreateTunnel(Step):
    """Create the server's tunnel, and write down the connection with its id; `connection` has none yet."""

    name: str
    connection: CloudflareConnection


class SaveConnection(Step):
    """Write down the connection."""

    connection: CloudflareConnection


class SaveTunnelToken(Step):
    """Write down the token with which cloudflared joins the tunnel."""

    token: Secret


class SetIngress(Step):
    """Set where the tunnel's requests go."""

    rules: tuple[IngressRule, ...]


class SetWebhookRecord(Step):
    """Have the record of the webhook's host, in place of these others of ours; it leads to the tunnel."""

    zone_id: str
    old: tuple[str, ...]
    record: WantedRecord


class DeleteRecord(Step):
    """Delete a record of ours."""

    zone_id: str
    record_id: str


class DeleteTunnel(Step):
    """Delete the server's tunnel."""

    account_id: str
    tunnel_id: str


class SetConnectionAside(Step):
    """Have nobody use the connection any more but whoever takes the server off the account."""


class ForgetConnection(Step):
    """Delete the connection's files."""
