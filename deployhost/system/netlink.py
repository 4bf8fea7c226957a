"""netlink(7): messages of the kernel, and the attributes that they are made of."""

import os
import socket
import struct
from collections.abc import Iterator

HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
ERROR, DONE = 2, 3
REQUEST, ACKNOWLEDGE, DUMP = 0x1, 0x4, 0x300
_TYPE = 0x3FFF  # of an attribute; the rest says how its bytes are ordered or nested


def message(kind: int, flags: int, payload: bytes) -> bytes:
    """Return one message."""
    return HEADER.pack(HEADER.size + len(payload), kind, flags, 1, 0) + payload


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, filled up to a multiple of four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the content of each message in what was received, up to one that can't be."""
    return _records(HEADER, data, 0xFFFF)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the value of each attribute, up to one that can't be."""
    return _records(_ATTRIBUTE, data, _TYPE)


def dump(ask: int, answer: int, payload: bytes) -> list[bytes]:
    """Return the content of each message with which the kernel answers a question for all there is. Raises OSError."""
    found: list[bytes] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as asking:
        asking.settimeout(2)
        asking.send(message(ask, REQUEST | DUMP, payload))
        while True:
            for kind, content in messages(asking.recv(1 << 16)):
                if kind in (DONE, ERROR):
                    return found
                if kind == answer:
                    found.append(content)


def change(kind: int, payload: bytes) -> None:
    """Have the kernel carry out one request of rtnetlink(7). Raises OSError with its answer."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC) as asking:
        asking.settimeout(2)
        asking.send(message(kind, REQUEST | ACKNOWLEDGE, payload))
        acknowledged(asking.recv(1 << 16))


def acknowledged(received: bytes) -> None:
    """Raise OSError if what was received says that a request failed."""
    for kind, content in messages(received):
        code = struct.unpack_from("=i", content)[0] if kind == ERROR else 0
        if code:
            raise OSError(-code, os.strerror(-code))


def _records(header: struct.Struct, data: bytes, mask: int) -> Iterator[tuple[int, bytes]]:
    while len(data) >= header.size:
        length, kind, *_ = header.unpack_from(data)
        if length < header.size:
            return
        yield kind & mask, data[header.size : length]
        data = data[(length + 3) & ~3 :]
