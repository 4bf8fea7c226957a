"""Which apps are connected to the host, by the tables of their containers."""

from pathlib import Path

from deployhost.kamal import contract
from deployhost.traffic.host_connections import connected
from tests.unit.traffic.test_host_isolation import A, Host

HEAD = "  sl  local_address rem_address   st\n"
LINE = "   0: {} {} {} 00000000:00000000 00:00000000 00000000 0 0 1 1\n"
HERE, GATEWAY, METADATA, ELSEWHERE = "040012AC", "010012AC", "FEA9FEA9", "08080808"


def test_what_an_app_opened_to_the_host_and_nothing_else(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.docker.create_network(contract.NETWORK)
    net = tmp_path / str(host.app(A)) / "net"
    net.mkdir(parents=True)
    lines = (
        (f"{HERE}:9C40", f"{GATEWAY}:1538", "01"),  # port 5432
        (f"{HERE}:9C41", f"{GATEWAY}:1539", "06"),  # it is over
        (f"{HERE}:9C42", f"{METADATA}:0050", "01"),
        (f"{HERE}:9C43", f"{ELSEWHERE}:1538", "01"),
        (f"{HERE}:9C44", f"{GATEWAY}:01BB", "01"),  # port 443, which may stay open
        ("00000000:1F90", "00000000:0000", "0A"),
        (f"{HERE}:1F90", f"{GATEWAY}:C350", "01"),  # the host's own question
    )
    (net / "tcp").write_text(HEAD + "".join(LINE.format(*line) for line in lines))
    found = connected(host.docker.containers({}), {"172.18.0.1"}, tmp_path)
    assert found == ((A, "host:5432"), (A, "host:metadata"))
