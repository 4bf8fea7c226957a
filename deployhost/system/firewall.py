"""iptables(8), the host's packet filter: its rules read, and changed in one stroke."""

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


class Firewall:
    """The table `filter`. Every method raises CommandMissing without iptables, CommandFailed with its words if it refuses."""

    def rules(self, family: Family) -> tuple[str, ...]:
        """Return a family's rules as `iptables -S` prints them, with one space between words."""
        listed = process.run([family, "-w", WAIT, "-S"], timeout=TIMEOUT)
        return tuple(" ".join(line.split()) for line in listed.stdout.splitlines())

    def restore(self, family: Family, change: str) -> None:
        """Carry out lines for iptables-restore(8), all of them at once or none; what they don't name stays."""
        table = f"*filter\n{change}COMMIT\n".encode()
        process.run([f"{family}-restore", "-w", WAIT, "--noflush"], timeout=TIMEOUT, stdin=table)

    def forget(self, *chains: str) -> None:
        """Take chains away, and the rules that ask them, as far as there is a packet filter at all."""
        for family in Family:
            try:
                current = self.rules(family)
                if lines := [line for chain in chains for line in filter_rules.removal(chain, current)]:
                    self.restore(family, filter_rules.text(lines))
            except DeployhostError as error:
                log.debug("no rules to take away: %s", error)
