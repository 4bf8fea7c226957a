"""Which rules keep a server's other accounts from Kamal's registry, and what happens to them."""

import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployhost.errors import CommandFailed, KamalUnavailable
from deployhost.kamal import guard
from deployhost.kamal.guard import GUARDED_AGAIN, RegistryGuard
from deployhost.kamal.guard_plan import CHAIN
from deployhost.paths import Paths
from deployhost.system.firewall import Family
from tests.fakes.firewall import FakeFirewall

JUMP = f"-A OUTPUT -p tcp -j {CHAIN}"
RULES = [
    (
        f"-A {CHAIN} -d 127.0.0.1/32 -p tcp -m tcp --dport 5555 --tcp-flags FIN,SYN,RST,ACK SYN"
        " -m owner ! --uid-owner 0 -j REJECT --reject-with tcp-reset"
    ),
    (
        f"-A {CHAIN} -s 127.0.0.1/32 -p tcp -m tcp --sport 5555 --tcp-flags SYN,ACK SYN,ACK"
        " -m owner ! --uid-owner 102 -j DROP"
    ),
]


@pytest.fixture
def registry_guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RegistryGuard:
    monkeypatch.setattr(pwd, "getpwnam", lambda _name: SimpleNamespace(pw_uid=102))
    paths = Paths(tmp_path)
    for path in (paths.kamal_program, paths.ssh_key):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o755)
    return RegistryGuard(paths, FakeFirewall())


def table(registry_guard: RegistryGuard) -> list[str]:
    assert isinstance(registry_guard.firewall, FakeFirewall)
    return registry_guard.firewall.tables[Family.IPV4]


def test_the_rules_are_the_first_of_output(registry_guard: RegistryGuard) -> None:
    table(registry_guard).append("-A OUTPUT -o lo -j ACCEPT")  # as firewalls' programs have it
    registry_guard.ensure()
    assert [rule for rule in table(registry_guard) if rule.startswith("-A OUTPUT")] == [
        JUMP,
        "-A OUTPUT -o lo -j ACCEPT",
    ]
    assert [rule for rule in table(registry_guard) if rule.startswith(f"-A {CHAIN} ")] == RULES
    assert registry_guard.keep() == ()


@pytest.mark.parametrize(
    "damage",
    [
        "-F OUTPUT\n",
        f"-F {CHAIN}\n",
        "-I OUTPUT 1 -o lo -j ACCEPT\n",
        "-I OUTPUT 1 -j RETURN\n",
        ":MINE - [0:0]\n-A MINE -d 127.0.0.0/8 -j ACCEPT\n-I OUTPUT 1 -j MINE\n",
        f"{JUMP}\n",
        f"-F {CHAIN}\n{RULES[0].replace(' 0 -j', ' 1000 -j')}\n{RULES[1]}\n",
    ],
)
def test_what_others_did_is_mended_and_told(registry_guard: RegistryGuard, damage: str) -> None:
    registry_guard.ensure()
    registry_guard.firewall.restore(Family.IPV4, damage)
    assert registry_guard.keep() == (GUARDED_AGAIN,)
    assert next(rule for rule in table(registry_guard) if rule.startswith("-A OUTPUT")) == JUMP
    assert [rule for rule in table(registry_guard) if rule.startswith(f"-A {CHAIN} ")] == RULES
    assert registry_guard.keep() == ()


def test_rules_that_were_never_there_are_no_loss(registry_guard: RegistryGuard) -> None:
    """As after an upgrade from a version without them, and at boot."""
    assert registry_guard.keep() == ()
    assert [rule for rule in table(registry_guard) if rule.startswith(f"-A {CHAIN} ")] == RULES
    registry_guard.firewall.restore(Family.IPV4, "-F OUTPUT\n")
    assert registry_guard.keep() == (GUARDED_AGAIN,)


def test_where_it_can_not_be_had_kamal_is_refused_with_the_reason(registry_guard: RegistryGuard) -> None:
    assert isinstance(registry_guard.firewall, FakeFirewall)
    registry_guard.firewall.refuses = True
    with pytest.raises(KamalUnavailable, match="can't be kept from Kamal's registry: iptables-restore failed"):
        registry_guard.ensure()
    assert registry_guard.keep() == ()
    assert registry_guard.problem == (
        "every account of this server can reach Kamal's registry: iptables-restore failed"
    )
    registry_guard.firewall.refuses = False
    registry_guard.keep()
    assert registry_guard.problem == ""


def test_a_kernel_without_ipv6_is_no_reason(registry_guard: RegistryGuard, monkeypatch: pytest.MonkeyPatch) -> None:
    firewall = registry_guard.firewall
    right = firewall.rules

    def rules(family: Family) -> tuple[str, ...]:
        if family is Family.IPV6:
            raise CommandFailed("ip6tables failed", status=1)
        return right(family)

    monkeypatch.setattr(firewall, "rules", rules)
    registry_guard.ensure()
    assert guard.is_there(firewall)


def test_a_server_without_kamal_is_left_alone(tmp_path: Path) -> None:
    firewall = FakeFirewall()
    assert RegistryGuard(Paths(tmp_path), firewall).keep() == ()
    beside = RegistryGuard(Paths(tmp_path), firewall, active=False)
    beside.ensure()
    assert firewall.asked == firewall.changes == 0
