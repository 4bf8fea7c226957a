"""iptables(8), the host's packet filter: its rules read, and changed in one stroke."""

import itertools
import logging
from enum import StrEnum

from deployhost.errors import DeployhostError
from deployhost.system import filter_rules, process

WAIT = "5"  # seconds for another program that changes rules right now: Docker does so with each container
TIMEOUT = 15.0
log = logging.getLogger(__name__)


class Family(StrEnum):
    """The two packet filters, by the program for each."""

    IPV4 = "iptables"
    IPV6 = "ip6tables"


class Table(StrEnum):
    """The tables of a packet filter that we use."""

    FILTER = "filter"
    MANGLE = "mangle"


class Firewall:
    """The packet filter. Every method raises CommandMissing without iptables, CommandFailed with its words if it refuses."""

    def rules(self, family: Family, table: Table = Table.FILTER) -> tuple[str, ...]:
        """Return a table's rules as `iptables -S` prints them, with one space between words."""
        named = () if table is Table.FILTER else ("-t", table)
        listed = process.run([family, "-w", WAIT, *named, "-S"], timeout=TIMEOUT)
        return tuple(" ".join(line.split()) for line in listed.stdout.splitlines())

    def restore(self, family: Family, change: str, table: Table = Table.FILTER) -> None:
        """Carry out lines for iptables-restore(8), all of them at once or none; what they don't name stays."""
        text = f"*{table}\n{change}COMMIT\n".encode()
        process.run([f"{family}-restore", "-w", WAIT, "--noflush"], timeout=TIMEOUT, stdin=text)

    def forget(self, *chains: str) -> None:
        """Take chains away, and the rules that ask them, as far as there is a packet filter at all."""
        for family, table in itertools.product(Family, Table):
            try:
                if lines := filter_rules.removal(chains, self.rules(family, table)):
                    self.restore(family, filter_rules.text(lines), table)
            except DeployhostError as error:
                log.debug("no rules to take away: %s", error)
