"""Who may connect to whom, as rules of the packet filter."""

from hypothesis import given
from hypothesis import strategies as st

from deployhost.kamal import contract
from deployhost.model import WEB, AppName, ProcessName
from deployhost.system.firewall import Family
from deployhost.traffic.isolation_plan import Member, Wanted, change, taking_part
from tests.fakes.firewall import BRIDGE, FakeFirewall

A, B, C = AppName("a"), AppName("b"), AppName("c")


NAMES = st.sampled_from([AppName(name) for name in ("a", "b", "c", "a-b", "a-web")])
MEMBERS = st.lists(
    st.builds(Member, app=NAMES, port=st.integers(0, 8).map(lambda number: f"veth{number}"), ready=st.booleans()),
    unique_by=lambda one: one.port,
    max_size=8,
)


@given(MEMBERS, st.lists(st.tuples(NAMES, NAMES), max_size=5))
def test_who_is_let_through(members: list[Member], may_reach: list[tuple[AppName, AppName]]) -> None:
    firewall = FakeFirewall()
    wanted = Wanted(BRIDGE, (contract.PROXY_MAC,), tuple(members), tuple(may_reach))
    firewall.restore(Family.IPV4, change(wanted, firewall.rules(Family.IPV4)))
    assert change(wanted, firewall.rules(Family.IPV4)) == ""
    owner = {one.port: one for one in members}
    through = firewall.pairs()
    for source in members:
        for target in members:
            same = source.app == target.app and source is not target
            allowed = target.ready and (source.app, target.app) in may_reach and source is not target
            assert ((source.port, target.port) in through) == (same or allowed)
    assert all(port in owner for pair in through for port in pair)


def test_who_takes_part() -> None:
    assert taking_part({A: (B,), B: (), C: ()}) == {A, B}


def test_names_of_apps_are_unambiguous() -> None:
    """No app can take another's name, nor that by which the proxy finds a container."""
    worker = ProcessName("worker")
    assert contract.aliases(A, WEB) == ("a", "web.a")
    assert contract.aliases(A, worker) == ("worker.a",)
    assert set(contract.aliases(AppName("a-worker"), WEB)).isdisjoint(contract.aliases(A, worker))
    assert contract.aliases(AppName("0123456789ab"), WEB) == ("web.0123456789ab",)
