"""Records of BuildKit's cache, lines of logs and ports of images, as the engine's answers have them."""

import pytest

from deployhost.system.docker_answers import LONGEST_LINE, read_cache_record, read_image, read_log
from deployhost.system.docker_model import CacheRecord

RECORD = {
    "ID": "jkkuosfv20qacm5wzcmy1ww8i",
    "Parent": "vjumalysnwerpq2w9fwacnpax",
    "Type": "regular",
    "Description": "fileop target",
    "InUse": False,
    "Shared": False,
    "Size": 1552,
    "CreatedAt": "2026-11-23T07:53:33.807006717Z",
    "LastUsedAt": "2026-11-23T08:40:35Z",
    "UsageCount": 5,
}  # Docker 20.10


def test_a_record() -> None:
    found = read_cache_record(RECORD)
    assert found == CacheRecord("jkkuosfv20qacm5wzcmy1ww8i", 1552, False, False, found.created, 1795423235.0)
    assert found.created == pytest.approx(1795420413.807006)


@pytest.mark.parametrize("last_used", [None, "0001-01-01T00:00:00Z", "", "soon"])
def test_one_that_was_never_used_again_was_used_when_it_was_made(last_used: str | None) -> None:
    found = read_cache_record({**RECORD, "LastUsedAt": last_used})
    assert found.last_used == found.created > 0


def test_another_time_zone() -> None:
    local = read_cache_record({**RECORD, "CreatedAt": "2026-11-23T09:53:33.807006717+02:00"})
    assert local.created == read_cache_record(RECORD).created


def frames(*payloads: bytes) -> list[bytes]:
    return [bytes([1, 0, 0, 0]) + len(one).to_bytes(4, "big") + one for one in payloads]


def test_a_line_without_end_is_cut_while_it_is_read() -> None:
    """An app may write for ever without a newline: all of it was kept until one came."""
    chunks = frames(*[b"x" * 16_384] * 1000, b"x\nnext\n", b"half")
    lines = [entry.line for entry in read_log(iter(chunks), timestamps=False)]
    assert [len(lines[0]), *lines[1:]] == [LONGEST_LINE, "next", "half"]


def test_ports_that_are_none() -> None:
    """A frontend (`# syntax=`) writes what it likes into an image."""
    ports: dict[str, dict[str, str]] = {
        "80/tcp": {},
        "0/tcp": {},
        "65536/tcp": {},
        "\u00b2/tcp": {},
        "9" * 5000: {},
        "8080": {},
        "53/udp": {},
    }
    assert read_image({"Id": "x", "Config": {"ExposedPorts": ports}}).exposed == (80, 8080)
