"""connect, disconnect: the accounts that this server is joined to. Each provider has modules of its own."""

from deployhost.cli import connect_cloudflare
from deployhost.cli.arguments import group

connect = group("Connect this server to an account.", connect_cloudflare.cloudflare)
