"""A packet filter that understands what iptables-restore does with our lines."""

from deployhost.errors import CommandFailed, CommandMissing
from deployhost.system.firewall import Family, Firewall, Table

BRIDGE = "br-000000000001"
DOCKERS = ("-P FORWARD DROP", "-N DOCKER-USER", "-A FORWARD -j DOCKER-USER", "-A DOCKER-USER -j RETURN")


class FakeFirewall(Firewall):
    """A table per family that understands what iptables-restore does with our lines."""

    def __init__(self, *, missing: bool = False) -> None:
        self.tables = {Family.IPV4: list(DOCKERS), Family.IPV6: ["-P FORWARD ACCEPT"]}
        self.mangle: dict[Family, list[str]] = {Family.IPV4: [], Family.IPV6: []}
        self.missing = missing
        self.refuses = False
        self.changes = self.asked = 0

    def _of(self, table: Table) -> dict[Family, list[str]]:
        return self.tables if table is Table.FILTER else self.mangle

    def rules(self, family: Family, table: Table = Table.FILTER) -> tuple[str, ...]:
        self.asked += 1
        if self.missing:
            raise CommandMissing(f"{family} is not installed")
        return tuple(self._of(table)[family])

    def restore(self, family: Family, change: str, table: Table = Table.FILTER) -> None:
        if self.refuses:
            raise CommandFailed("iptables-restore failed", status=1)
        self.changes += 1
        rules = self._of(table)[family] = list(self._of(table)[family])
        for line in change.splitlines():
            words = line.split()
            match words[0]:
                case "-A":
                    rules.append(line)
                case "-I":
                    assert words[2] == "1"
                    first = next(
                        (at for at, rule in enumerate(rules) if rule.startswith(f"-A {words[1]} ")), len(rules)
                    )
                    rules.insert(first, f"-A {words[1]} {' '.join(words[3:])}")
                case "-D":
                    rules.remove(f"-A{line[2:]}")
                case "-F":
                    rules[:] = [rule for rule in rules if not rule.startswith(f"-A {words[1]} ")]
                case "-X":
                    assert not [rule for rule in rules if words[1] in rule.split()[2:]]
                    rules.remove(f"-N {words[1]}")
                case _:
                    name = words[0].removeprefix(":")
                    rules[:] = [rule for rule in rules if not rule.startswith(f"-A {name} ")]
                    if f"-N {name}" not in rules:
                        rules.append(f"-N {name}")

    def pairs(self, family: Family = Family.IPV4) -> set[tuple[str, str]]:
        rules = [rule.split() for rule in self.tables[family] if "--physdev-out" in rule]
        return {(words[words.index("--physdev-in") + 1], words[words.index("--physdev-out") + 1]) for words in rules}
