"""Which rules keep a server's other accounts from Kamal's registry, and what its service starts with."""

from deployhost.kamal import guard_plan
from deployhost.kamal.guard_plan import CHAIN, Guarded, change, jump

JUMP = jump(Guarded("102"))


def test_rules_that_let_nobody_in_may_come_first() -> None:
    guarded = Guarded("102")
    ours = [f"-N {CHAIN}", *guard_plan.rules(guarded)]
    for before in ("-A OUTPUT -o eth0 -j ACCEPT", "-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"):
        assert change(guarded, [before, JUMP, *ours]) == ""


def test_what_the_service_starts_with_says_the_same() -> None:
    guarded = Guarded("docker-registry")
    assert guard_plan.file_text(guarded).splitlines()[2:-1] == list(guard_plan.rules(guarded))
    words = guard_plan.before_start(guarded, "/var/lib/deployhost/registry.rules")
    assert "iptables-restore -w 5 --noflush /var/lib/deployhost/registry.rules && " in words
    assert words.endswith(f"|| iptables -w 5 -I OUTPUT 1 -p tcp -j {CHAIN}; }}")
