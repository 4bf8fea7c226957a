"""Messages and attributes of netlink, as bytes."""

from deployhost.system import netlink


def test_what_is_written_is_read() -> None:
    content = netlink.attribute(1, b"abc") + netlink.attribute(2, b"")
    data = netlink.message(20, netlink.REQUEST, content) + netlink.message(netlink.DONE, 0, b"")
    assert [(kind, list(netlink.attributes(found))) for kind, found in netlink.messages(data)] == [
        (20, [(1, b"abc"), (2, b"")]),
        (netlink.DONE, []),
    ]
    assert list(netlink.attributes(b"\x04\x00\x01\x80")) == [(1, b"")], "how its bytes are ordered is not its type"


def test_what_can_not_be_ends_it() -> None:
    assert list(netlink.messages(b"\0" * 40)) == []
    assert list(netlink.messages(b"\xff")) == []
