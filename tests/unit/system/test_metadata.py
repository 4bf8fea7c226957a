"""Where clouds have their metadata services."""

from ipaddress import ip_address, ip_network

import pytest

from deployhost.system.metadata import METADATA, METADATA6


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.170.2", "169.254.42.42", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fd00:a9fe:a9fe::1"),
    ],
)
def test_each_cloud_is_there(address: str) -> None:
    found = ip_address(address)
    assert any(found in ip_network(one) for one in (METADATA6 if found.version == 6 else METADATA))


def test_they_are_written_as_the_packet_filter_prints_them() -> None:
    assert [str(ip_network(one)) for one in (*METADATA, *METADATA6)] == [*METADATA, *METADATA6]
