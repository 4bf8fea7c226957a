"""iptables(8), the host's packet filter: its rules read, and changed in one stroke."""

from enum import StrEnum

from deployhost.system import process

WAIT = "5"  # seconds for another program that changes rules right now: Docker does so with each container
TIMEOUT = 15.0


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
