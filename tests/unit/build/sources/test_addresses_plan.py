"""Which addresses a build may fetch from."""

from ipaddress import ip_address

import pytest

from deployhost.build.sources.addresses_plan import refusal

OWN = {ip_address("93.184.216.34"), ip_address("2a01:4f8::5")}


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.0.3", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
        *("100.64.0.1", "169.254.169.254", "224.0.0.1", "255.255.255.255", "240.0.0.1", "93.184.216.34"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2a01:4f8::5"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::1", "2002:7f00:1::"),
        *("::ffff:0:127.0.0.1", "2001:db8::5efe:192.168.0.1", "2001:db8::200:5efe:192.168.0.1", "::ffff:93.184.216.34"),
        *("2001:0:7f00:1::", "localhost", "", "1.2.3"),
        *(
            "168.63.129.16",
            "::ffff:168.63.129.16",
            "64:ff9b::a83f:8110",
            "2002:a83f:8110::",
            "192.0.0.192",
            "100.100.100.200",
        ),
        *("fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),
    ],
)
def test_refused(address: str) -> None:
    assert refusal(address, OWN)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "198.18.0.1",
        "192.0.2.1",
        "203.0.113.9",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2002:101:101::",
    ],
)
def test_allowed(address: str) -> None:
    assert refusal(address, OWN) == ""
