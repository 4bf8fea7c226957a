"""What git writes when it can't fetch, as it was seen, and what that means to a person."""

import pytest

from deployhost.errors import CommandFailed, CommandTimedOut, DeployhostError
from deployhost.github.fetch_failure import FetchTrouble, explained, failure

URL = "https://github.com/acme/shop.git/"
SEEN = {
    f"fatal: Authentication failed for '{URL}'": FetchTrouble.REFUSED,
    "fatal: could not read Username for 'https://github.com': terminal prompts disabled": FetchTrouble.REFUSED,
    f"fatal: unable to access '{URL}': The requested URL returned error: 403": FetchTrouble.REFUSED,
    f"remote: Repository not found.\nfatal: repository '{URL}' not found": FetchTrouble.MOVED,
    f"fatal: unable to access '{URL}': The requested URL returned error: 301": FetchTrouble.MOVED,
    "fatal: couldn't find remote ref refs/heads/main": FetchTrouble.NO_SUCH_REF,
    "fatal: remote error: upload-pack: not our ref 0123": FetchTrouble.NO_SUCH_REF,
    f"fatal: unable to access '{URL}': Could not resolve host: github.com": FetchTrouble.AWAY,
    f"fatal: unable to access '{URL}': The requested URL returned error: 503": FetchTrouble.AWAY,
    f"fatal: unable to access '{URL}': The requested URL returned error: 429": FetchTrouble.AWAY,
    "error: RPC failed; curl 28 Operation too slow. Less than 1000 bytes/sec transferred": FetchTrouble.AWAY,
    "fatal: the remote end hung up unexpectedly": FetchTrouble.AWAY,
    f"fatal: unable to access '{URL}': server certificate verification failed. CAfile: none": FetchTrouble.AWAY,
    "fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output": FetchTrouble.DISK_FULL,
    "error: index-pack died of signal 25\nfatal: fetch-pack: invalid index-pack output": FetchTrouble.TOO_LARGE,
    "fatal: something else": FetchTrouble.OTHER,
}
EXITS = {
    FetchTrouble.REFUSED: ("access_refused", 5),
    FetchTrouble.MOVED: ("not_found", 3),
    FetchTrouble.NO_SUCH_REF: ("not_found", 3),
    FetchTrouble.AWAY: ("provider_unavailable", 5),
    FetchTrouble.DISK_FULL: ("disk_full", 1),
    FetchTrouble.TOO_LARGE: ("fetch_failed", 1),
    FetchTrouble.OTHER: ("fetch_failed", 1),
}


def error(text: str) -> DeployhostError:
    return CommandFailed("git failed with exit code 128", status=128, details=tuple(text.splitlines()))


@pytest.mark.parametrize("text", SEEN)
def test_what_it_means(text: str) -> None:
    assert failure(error(text)) is SEEN[text]


@pytest.mark.parametrize("text", SEEN)
def test_what_is_said(text: str) -> None:
    said = explained(error(text), "main", "acme/shop")
    assert (said.code, said.exit_code) == EXITS[SEEN[text]]
    assert "main" in said.message
    assert "acme/shop" in said.message


def test_a_fetch_that_takes_too_long() -> None:
    said = explained(CommandTimedOut("git did not end within 300 s"), "main", "acme/shop")
    assert said.code == "fetch_failed"
    assert said.details == ("git did not end within 300 s",)
