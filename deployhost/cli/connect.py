"""connect, disconnect: the accounts that this server is joined to. Each provider has modules of its own."""

from deployhost.cli import connect_cloudflare, connect_github, disconnect_cloudflare, disconnect_github
from deployhost.cli.arguments import group

connect = group("Connect this server to an account.", connect_cloudflare.cloudflare, connect_github.github)
disconnect = group(
    "Disconnect this server from an account. Apps keep running.",
    disconnect_cloudflare.cloudflare,
    disconnect_github.github,
)
