"""The wiring of how requests get in: parts of the daemon as those of `parts.py`, which they are among."""

from deployhost.daemon.part import part
from deployhost.edge.account import EdgeAccounts
from deployhost.edge.account_care import AccountCare
from deployhost.edge.connection_now import ConnectionNow
from deployhost.edge.connector import TunnelWatch
from deployhost.edge.patience import PatientAccounts
from deployhost.edge.records import DomainRecords
from deployhost.edge.records_wish import WishReader
from deployhost.journal.given_up import GivenUp


class EdgeParts:
    """The parts that see to the account at Cloudflare, to the records of domains, and to the tunnel."""

    cloudflare: part[EdgeAccounts] = part(
        lambda outside, paths, clock: PatientAccounts(accounts=outside.cloudflare(paths), clock=clock)
    )
    cloudflare_connection = part(ConnectionNow)
    wishes = part(WishReader, lost=lambda parts: parts.is_left)
    account_care = part(AccountCare)
    given_up = part(GivenUp)
    records = part(DomainRecords)
    tunnel = part(TunnelWatch)
